from django.urls import path

from portal.views import family, inbox, joining, leaving, mine, public

app_name = "portal"
urlpatterns = [
    path("", public.home, name="home"),
    path("how/", public.how, name="how"),
    path("rules/", public.rules_page, name="rules"),
    path("help/", public.text, {"page": "help"}, name="help"),
    path("privacy/", public.text, {"page": "privacy"}, name="privacy"),
    path("accessibility/", public.text, {"page": "accessibility"}, name="accessibility"),
    path("me/", mine.mine, name="me"),
    path("me/inbox/", inbox.inbox, name="inbox"),
    path("me/family/add/", family.family_add, name="family_add"),
    path("join/", joining.join, name="join"),
    path("join/rules/", joining.join_rules, name="join_rules"),
    path("join/questions/<int:place>/", joining.question, name="question"),
    path("join/check/", joining.check, name="check"),
    path("join/<str:number>/", joining.joined, name="joined"),
    path("leave/<str:number>/", leaving.leave, name="leave"),
    path("leave/<str:number>/done/", leaving.left, name="left"),
]
