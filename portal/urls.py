from django.urls import path

from portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("how/", views.how, name="how"),
    path("rules/", views.rules_page, name="rules"),
    path("help/", views.text, {"page": "help"}, name="help"),
    path("privacy/", views.text, {"page": "privacy"}, name="privacy"),
    path("accessibility/", views.text, {"page": "accessibility"}, name="accessibility"),
    path("me/", views.mine, name="me"),
    path("me/inbox/", views.inbox, name="inbox"),
    path("me/family/add/", views.family_add, name="family_add"),
    path("join/", views.join, name="join"),
    path("join/rules/", views.join_rules, name="join_rules"),
    path("join/questions/<int:place>/", views.question, name="question"),
    path("join/check/", views.check, name="check"),
    path("join/<str:number>/", views.joined, name="joined"),
    path("leave/<str:number>/", views.leave, name="leave"),
    path("leave/<str:number>/done/", views.left, name="left"),
]
