from django.urls import path

from assessments import views

app_name = "assessments"
urlpatterns = [
    path("", views.shares, name="shares"),
    path("back/<int:membership_id>/", views.come_back, name="come_back"),
    path("<int:number>/<int:membership_id>/", views.share, name="share"),
]
