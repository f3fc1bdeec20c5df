from django.urls import path, register_converter

from claims import views


class NumberConverter:
    """The number of a claim, HZ-2021-000042."""

    regex = "HZ-[0-9]{4}-[0-9]{6,12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(NumberConverter, "claim")

app_name = "claims"
urlpatterns = [
    path("", views.claims, name="list"),
    path("start/", views.start, name="start"),
    path("start/<int:membership_id>/check/", views.check, name="check"),
    path("start/<int:membership_id>/<slug:step>/", views.report, name="report"),
    path("<claim:number>/", views.detail, name="detail"),
    path("<claim:number>/done/<slug:what>/", views.done, name="done"),
    path("<claim:number>/upload/", views.upload, name="upload"),
    path("<claim:number>/submit/", views.submit, name="submit"),
    path("<claim:number>/papers/<int:place>/", views.paper, name="paper"),
    path("<claim:number>/papers/<int:place>/file/", views.paper_file, name="paper_file"),
    path("<claim:number>/papers/<int:place>/<int:page>/", views.paper_page, name="paper_page"),
    path("<claim:number>/papers/<int:place>/remove/", views.remove, name="remove"),
    path("<claim:number>/say/", views.say, name="say"),
    path("<claim:number>/withdraw/", views.withdraw, name="withdraw"),
    path("<claim:number>/letter/", views.letter, name="letter"),
    path("<claim:number>/payee/", views.payee, name="payee"),
    path("<claim:number>/payee/check/", views.payee_check, name="payee_check"),
    path("<claim:number>/appeal/", views.appeal, name="appeal"),
    path("<claim:number>/appeal/check/", views.appeal_check, name="appeal_check"),
    path("<claim:number>/appeal/withdraw/", views.appeal_withdraw, name="appeal_withdraw"),
]
