from django.urls import path

from disclosures import views

app_name = "disclosures"
urlpatterns = [
    path("periods/", views.periods, name="periods"),
    path("periods/<slug:plan>/<int:number>/", views.period, name="period"),
    path("periods/<slug:plan>/<int:number>/files/<str:name>", views.file, name="file"),
    path("cases/<slug:code>/", views.case, name="case"),
    path("cases/<slug:code>/object/", views.object_to, name="object"),
    path("objections/<int:number>/", views.objection, name="objection"),
    path("money/", views.money, name="money"),
    path("money/<int:number>/", views.entry, name="money_entry"),
]
