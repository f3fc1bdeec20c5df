"""The addresses of the members' verbs, under /api/v1/."""

from django.urls import path

from members.api import account, cover, family, joining, memberships, plans

urlpatterns = [
    path("plans/", plans.PlansView.as_view(), name="plans"),
    path("cover/", cover.CoverView.as_view(), name="cover"),
    path("cover/<str:number>/leave/", memberships.LeaveView.as_view(), name="leave"),
    path("cover/<str:number>/keep/", memberships.KeepView.as_view(), name="keep"),
    path("cover/<str:number>/undo/", memberships.UndoJoinView.as_view(), name="undo_join"),
    path("cover/<str:number>/receipts/", memberships.ReceiptsView.as_view(), name="receipts"),
    path(
        "cover/<str:number>/receipts/<slug:language>/file/",
        memberships.ReceiptFileView.as_view(),
        name="receipt_file",
    ),
    path("cover/<str:number>/rules/", memberships.RulesView.as_view(), name="rules"),
    path(
        "cover/<str:number>/declarations/",
        memberships.DeclarationsView.as_view(),
        name="declarations",
    ),
    path("cover/<str:number>/payer/", memberships.PayerView.as_view(), name="payer"),
    path(
        "payer-changes/<int:pk>/answer/",
        memberships.AnswerPayerView.as_view(),
        name="answer_payer",
    ),
    path(
        "payer-changes/<int:pk>/withdraw/",
        memberships.WithdrawPayerView.as_view(),
        name="withdraw_payer",
    ),
    path("family/", family.FamilyView.as_view(), name="family"),
    path("family/ask/", family.AskToActView.as_view(), name="ask_to_act"),
    path("family/requests/", family.RequestsView.as_view(), name="family_requests"),
    path(
        "family/requests/<int:pk>/answer/",
        family.AnswerRequestView.as_view(),
        name="answer_request",
    ),
    path("family/<int:member>/consent/ask/", family.AskConsentView.as_view(), name="ask_consent"),
    path(
        "family/<int:member>/consent/answer/",
        family.AnswerConsentView.as_view(),
        name="answer_consent",
    ),
    path("family/<int:member>/end/", family.EndLinkView.as_view(), name="end_link"),
    path("quiz/", joining.QuizView.as_view(), name="quiz"),
    path("join/<int:member>/<slug:plan>/", joining.WayView.as_view(), name="way"),
    path(
        "join/<int:member>/<slug:plan>/rules/", joining.ReadRulesView.as_view(), name="read_rules"
    ),
    path("join/<int:member>/<slug:plan>/quiz/", joining.TakeQuizView.as_view(), name="take_quiz"),
    path(
        "join/<int:member>/<slug:plan>/payment/",
        joining.AgreePaymentView.as_view(),
        name="agree_payment",
    ),
    path(
        "join/<int:member>/<slug:plan>/invitation/",
        joining.UseInvitationView.as_view(),
        name="use_invitation",
    ),
    path(
        "join/<int:member>/<slug:plan>/answers/",
        joining.SaveAnswerView.as_view(),
        name="save_answer",
    ),
    path(
        "join/<int:member>/<slug:plan>/prechecks/",
        joining.AskPrecheckView.as_view(),
        name="prechecks",
    ),
    path("join/<int:member>/<slug:plan>/join/", joining.JoinView.as_view(), name="join"),
    path("prechecks/<int:pk>/", joining.PrecheckView.as_view(), name="precheck"),
    path(
        "prechecks/<int:pk>/withdraw/",
        joining.WithdrawPrecheckView.as_view(),
        name="withdraw_precheck",
    ),
    path("prechecks/<int:pk>/object/", joining.ObjectView.as_view(), name="object"),
    path("mandates/", account.MandatesView.as_view(), name="mandates"),
    path("mandates/<int:pk>/revoke/", account.RevokeMandateView.as_view(), name="revoke_mandate"),
    path("notices/", account.NoticesView.as_view(), name="notices"),
    path("notices/read/", account.ReadNoticesView.as_view(), name="read_notices"),
    path("notices/preference/", account.PreferenceView.as_view(), name="preference"),
    path("notices/<int:pk>/", account.NoticeView.as_view(), name="notice"),
    path("calendar/make/", account.MakeFeedView.as_view(), name="make_feed"),
    path("calendar/remove/", account.RemoveFeedView.as_view(), name="remove_feed"),
    path("exports/", account.ExportsView.as_view(), name="exports"),
    path("exports/<int:pk>/file/", account.ExportFileView.as_view(), name="export_file"),
    path("erasures/", account.ErasuresView.as_view(), name="erasures"),
    path(
        "erasures/<int:pk>/withdraw/",
        account.WithdrawErasureView.as_view(),
        name="withdraw_erasure",
    ),
]
