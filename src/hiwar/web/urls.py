"""Addresses that the site answers; media below `/c/<id>/` and `/static/` are the edge's and archive's."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from hiwar.web.accounts.views import NewPassword, SignIn
from hiwar.web.conversations import desk, views

urlpatterns = [
    path("", views.home, name="home"),
    path("c/<str:identifier>", views.conversation, name="conversation"),
    path("c/<str:identifier>/status", views.status, name="status"),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account/password", NewPassword.as_view(), name="password"),
    path("new", desk.create, name="create"),
    path("manage", desk.listing, name="listing"),
    path("manage/<str:identifier>", desk.desk, name="desk"),
    path("manage/<str:identifier>/visibility", desk.visibility, name="visibility"),
]
handler400 = "hiwar.web.errors.bad_request"
handler403 = "hiwar.web.errors.forbidden"
handler404 = "hiwar.web.errors.not_found"
handler500 = "hiwar.web.errors.failure"
