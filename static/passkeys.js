// A device that refuses, or knows no passkeys, says so on the page and not in the console alone.
document.addEventListener('allauth.error', event => {
  event.preventDefault()
  const said = document.getElementById('passkey_failed')
  said.hidden = false
  said.scrollIntoView({ block: 'nearest' })
})
