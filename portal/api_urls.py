"""The API's router: each app's endpoints under /api/v1/."""

from django.urls import include, path

from assessments.api import ComeBackView, SharesView
from claims.api import MessagesView
from disclosures.api import CasesView, PeriodsView, PeriodView

app_name = "api"
urlpatterns = [
    path("", include("members.api.urls")),
    path("cover/<str:number>/come-back/", ComeBackView.as_view(), name="come_back"),
    path("shares/", SharesView.as_view(), name="shares"),
    path("claims/<str:number>/messages/", MessagesView.as_view(), name="messages"),
    path("periods/", PeriodsView.as_view(), name="periods"),
    path("periods/<slug:plan>/<int:number>/", PeriodView.as_view(), name="period"),
    path("periods/<slug:plan>/<int:number>/cases/", CasesView.as_view(), name="cases"),
]
