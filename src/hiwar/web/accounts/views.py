"""Sign in, sign out, change the password."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from hiwar.ops.clock import monotonic
from hiwar.web.accounts.attempts import WINDOW_SECONDS, Attempts
from hiwar.web.accounts.models import User
from hiwar.web.errors import problem

_attempts = Attempts()


class SignIn(LoginView):
    """A few wrong passwords are forgiven; then it waits."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not all(_attempts.allows(key, monotonic()) for key in self._keys()):
            refused = problem(
                request, 429, _("Too many attempts"), _("Wait five minutes, then try to sign in again.")
            )
            refused.headers["Retry-After"] = str(int(WINDOW_SECONDS))
            return refused
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        for key in self._keys():
            _attempts.succeeded(key)
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        for key in self._keys():
            _attempts.failed(key, monotonic())
        answer = super().form_invalid(form)
        answer.status_code = 422
        return answer

    def _keys(self) -> tuple[str, str]:
        name = self.request.POST.get("username", "")[:150]
        return f"from {self.request.META.get('REMOTE_ADDR', '')}", f"as {name}"


class NewPassword(PasswordChangeView):
    """Asked once of whoever got a one-time password; the old one is not asked again then."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("listing")

    def get_form_class(self) -> Any:
        person = self.request.user
        if isinstance(person, User) and person.must_change_password:
            return SetPasswordForm
        return super().get_form_class()

    def form_valid(self, form: Any) -> HttpResponse:
        form.user.must_change_password = False
        return super().form_valid(form)
