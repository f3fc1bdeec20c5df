"""Where the rooms are. This file only includes; each app names its own pages."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularSwaggerSplitView,
)

from mutualaid import views

urlpatterns = [
    path("", include("portal.urls")),
    path("claims/", include("claims.urls")),
    path("jury/", include("jury.urls")),
    path("shares/", include("assessments.urls")),
    path("", include("disclosures.urls")),
    path("accounts/", include("members.account_urls")),
    path("accounts/", include("allauth.urls")),
    path("staff/", admin.site.urls),
    path("api/v1/", include("portal.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="swagger"),
]
if settings.DEMO:
    urlpatterns += [path("components/", views.gallery, name="gallery")]

handler400 = "mutualaid.views.bad_request"
handler403 = "mutualaid.views.forbidden"
handler404 = "mutualaid.views.not_found"
handler500 = "mutualaid.views.server_error"
