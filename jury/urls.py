from django.urls import path

from jury import views

app_name = "jury"
urlpatterns = [
    path("", views.home, name="home"),
    path("office/", views.office, name="office"),
    path("resign/", views.resign, name="resign"),
    path("exam/", views.exam, name="exam"),
    path("exam/<int:place>/", views.question, name="question"),
    path("exam/check/", views.exam_check, name="exam_check"),
    path("exam/result/", views.exam_result, name="exam_result"),
    path("case/<str:number>/", views.case, name="case"),
    path("case/<str:number>/decline/", views.decline, name="decline"),
    path("case/<str:number>/vote/", views.vote, name="vote"),
    path("case/<str:number>/receipt/", views.receipt, name="receipt"),
    path("case/<str:number>/result/", views.result, name="result"),
]
