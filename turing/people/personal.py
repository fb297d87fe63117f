"""Classifies every field in the database: whether it is personal, its purpose, how long it is kept, and its erasure.

`docs/privacy.md` holds this table. A test fails when a model gains a field that is in neither list. Whoever adds a
field decides here, and makes `erasure.py` do what the table says.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Personal:
    """Fields of one model that say something about a person."""

    model: str
    fields: str
    purpose: str
    kept: str
    erased: str


ACCOUNT = "while the account exists"
GONE = "deleted"
DATA = "research data"

PERSONAL = (
    Personal("turing.User", "name", "how pages, e-mails and certificates address the user", ACCOUNT, "emptied"),
    Personal(
        "turing.User",
        "email claimed_email",
        "log-in, and e-mails about the account and its studies",
        ACCOUNT,
        "replaced by one at erased.invalid; emptied",
    ),
    Personal("turing.User", "email_confirmed_at", "whether the address may set a password", ACCOUNT, "emptied"),
    Personal(
        "turing.User", "password", "log-in; stored as a hash", ACCOUNT, "replaced by a hash that no password matches"
    ),
    Personal("turing.User", "last_login", "none; Django's log-in writes it", ACCOUNT, "emptied"),
    Personal("turing.User", "date_joined", "when the account was made", ACCOUNT, "set to 1 January 1970"),
    Personal(
        "turing.User", "is_active is_superuser groups user_permissions", "what the user may do", ACCOUNT,
        "switched off and removed",
    ),
    Personal("turing.User_groups", "user group", "who is a researcher", ACCOUNT, GONE),
    Personal("turing.User_user_permissions", "user permission", "what a user may do", ACCOUNT, GONE),
    Personal(
        "turing.Reader",
        "profession specialty years_experience country",
        "describes the readers; compares groups of readers",
        ACCOUNT,
        "set to other, other, 0, none",
    ),
    Personal("turing.Reader", "registered_at", "when the profile was made", ACCOUNT, "set to 1 January 1970"),
    Personal(
        "turing.Reader", "user pseudonym", "stands for the reader in results", "for good",
        "stay; they lead to an account that names nobody",
    ),
    Personal(
        "turing.Reading",
        "reader consent_version consented_at completed_at withdrawn_at reminded_at language",
        "consent and progress, under the pseudonym",
        "for good, as " + DATA,
        "stay; marked withdrawn, out of every analysis and export",
    ),
    Personal(
        "turing.Response",
        "answer confidence response_time_ms exposure_ms shown_ms dropped_frames away_ms zoom_percent zoomed_ms "
        "answered_at",
        "what the study asks, under the pseudonym",
        "for good, as " + DATA,
        "stay; out of every analysis and export with their reading",
    ),
    Personal(
        "turing.FurtherAnswer",
        "response question value confidence",
        "what the study asks besides the judgement, under the pseudonym; free words may name people",
        "for good, as " + DATA,
        "stay, out of every analysis and export with their reading; free words are deleted",
    ),
    Personal(
        "turing.ReplacedAnswer",
        "answer confidence further response_time_ms away_ms zoom_percent zoomed_ms answered_at",
        "an answer that the reader corrected, under the pseudonym; free words may name people",
        "for good, as " + DATA,
        "stay, out of every analysis and export with their reading; free words are deleted",
    ),
    Personal(
        "turing.Debriefing",
        "reading noticed noticed_at suspected answered_at",
        "what the reader of a purpose-blinded study noticed, under the pseudonym; free words may name people",
        "for good, as " + DATA,
        "stay, out of every analysis and export with their reading; free words are deleted",
    ),
    Personal(
        "turing.AuditLine",
        "at what by account pseudonym detail once",
        "who did what with a study; researchers by the number of their account, readers by their pseudonym",
        "for good",
        "stay; they lead to an account that names nobody",
    ),
    Personal("turing.Collaborator", "user email role", "who may see or change a study", "while the study exists", GONE),
    Personal("turing.Invitation", "email", "where the link is sent", "while the study exists", GONE),
    Personal(
        "turing.Invitation", "code reading sent_at created_at", "who may begin a study by invitation, once",
        "while the study exists", GONE + " if the reader used it or it was sent to the address",
    ),
    Personal("turing.Study", "owner", "who designed the study", "while the study exists",
             "stays; it leads to an account that names nobody"),
    Personal("turing.Study", "cited_authors", "the authors to cite on the public page; no account",
             "while the study exists",
             "stays: it is a credit, as a paper gives it; the owner can change it"),
    Personal("gan.Generator", "made_by", "the author to name for imported images; no account",
             "while the generator is kept",
             "stays: it is a credit, as a paper gives it"),
    Personal("turing.Job", "started_by", "who may see, cancel and repeat the work", "while the job's row exists",
             "stays; it leads to an account that names nobody"),
    Personal(
        "sessions.Session",
        "session_key session_data expire_date",
        "keeps a user logged in, and remembers the page from which they registered",
        "READER_SESSION_DAYS or RESEARCHER_SESSION_HOURS; `clear_expired` deletes the row",
        GONE + ", on every device",
    ),
    Personal(
        "axes.AccessAttempt",
        "username ip_address attempt_time failures_since_start",
        "refuses log-in after many failures; the name that was tried is a keyed hash",
        "15 minutes; the next log-in of any user or `clear_expired` deletes it",
        GONE + " for the account's addresses",
    ),
    Personal(
        "otp_totp.TOTPDevice",
        "user name confirmed key drift last_t last_used_at created_at throttling_failure_timestamp "
        "throttling_failure_count",
        "a researcher's second factor",
        "until it is switched off",
        GONE,
    ),
    Personal(
        "otp_static.StaticDevice",
        "user name confirmed last_used_at created_at throttling_failure_timestamp throttling_failure_count",
        "a researcher's codes for emergencies",
        "until the second factor is switched off",
        GONE,
    ),
    Personal("otp_static.StaticToken", "device token", "one code for an emergency", "until it is used", GONE),
    Personal(
        "gan.LesionImage",
        "lesion_id patient_id",
        "the collection's names of lesions and patients, so that all images of one patient are in training or none is",
        "while the image is in the database",
        "belongs to no user; the operator deletes the image if a clinic asks",
    ),
    Personal(
        "gan.LesionImage",
        "age sex site fitzpatrick_skin_type ita ita_share metadata",
        "what the collection publishes of patients; describes the images, compares groups",
        "while the image is in the database",
        "belongs to no user; the operator deletes the image if a clinic asks",
    ),
)  # fmt: skip

# Fields that say nothing about a person.
NOT_PERSONAL = {
    "auth.Group": "id name permissions",
    "auth.Group_permissions": "id group permission",
    "auth.Permission": "id name content_type codename",
    # Always empty, because the site does not keep what browsers send about themselves.
    "axes.AccessAttempt": "id user_agent http_accept path_info get_data post_data",
    # Tables that are never written, because the settings switch them off.
    "axes.AccessAttemptExpiration": "access_attempt expires_at",
    "axes.AccessFailureLog": "id user_agent ip_address username http_accept path_info attempt_time locked_out",
    "axes.AccessLog": ("id user_agent ip_address username http_accept path_info attempt_time logout_time session_hash"),
    "contenttypes.ContentType": "id app_label model",
    # The queue of background work. It holds numbers of jobs and places where the worker's own code failed.
    "django_tasks_database.DBTaskResult": (
        "id status enqueued_at started_at finished_at args_kwargs priority task_path worker_ids queue_name "
        "backend_name run_after return_value exception_class_path traceback"
    ),
    "gan.GeneratedImage": (
        "id diagnosis file sha256 created_at ita ita_share generator latent_seed truncation name audited_at "
        "suspected_copy nearest nearest_name nearest_distance"
    ),
    "gan.LesionImage": (
        "id diagnosis file sha256 created_at isic_id collection licence attribution width height is_phantom "
        "image_type verdict reasons scores repeats looks overruled"
    ),
    "gan.Evaluation": "id generator diagnosis step figures created_at",
    "gan.Generator": (
        "id kind version source licence trained_on training_data name model status error settings diagnoses size seed "
        "device software data_fingerprint data_count uses_phantoms memorisation started_at finished_at training_images "
        "snapshot_of snapshot_step"
    ),
    "gan.Generator_training_images": "id generator lesionimage",
    "gan.TrainingName": "id generator value",
    "gan.TrainingStep": "id run diagnosis step generator_loss discriminator_loss",
    "gan.UtilityEvaluation": "id generator step collection figures created_at",
    "otp_static.StaticDevice": "id",
    "otp_static.StaticToken": "id",
    "otp_totp.TOTPDevice": "id step t0 digits tolerance",
    "turing.AuditLine": "id study",
    "turing.Collaborator": "id study",
    "turing.Debriefing": "id",
    "turing.FurtherAnswer": "id",
    "turing.Invitation": "id study",
    "turing.Job": (
        "id kind arguments state cancel_asked done total label log result report error attempt times_lost worker "
        "queue_id created_at begun_at ended_at heartbeat_at"
    ),
    "turing.MachineReader": "id study name kind source settings created_at",
    "turing.MachineScore": "id machine stimulus score answer confidence fold group",
    "turing.Preregistration": "id study own_words document sha256 software created_at is_sealed",
    "turing.Reader": "id is_simulated",
    "turing.Reading": "id study seed",
    "turing.ReplacedAnswer": "id trial number",
    "turing.Response": "id trial number",
    "turing.Stimulus": "id study truth diagnosis lesion_image generated_image is_practice is_control pair file sha256",
    "turing.Study": (
        "id title slug state diagnoses real_per_diagnosis generated_per_diagnosis images_per_page confidence_levels "
        "questions one_row corrections forced_choice timed stimulus_size equivalence_margin images_per_reader "
        "practice_images repeats break_every block_by_diagnosis by_invitation tell_share show_score allow_unaudited "
        "language instructions consent_text seed design_hash revision created_at opened_at closed_at generators "
        "generated_counts image_type scaling zoom control_per_diagnosis control_degradation control_generators through "
        "untold visible_to_researchers published_at publishes_archive planned_readers looks "
        "purpose_blinded debriefing_text follows washout_days same_images feedback_after"
    ),
    "turing.Study_generators": "id study generator",
    "turing.Trial": "id reading position stimulus partner phase",
    "turing.User": "id times_logged_out",
    "turing.User_groups": "id",
    "turing.User_user_permissions": "id",
}


def as_table() -> str:
    """The personal fields as a Markdown table, for `docs/privacy.md`."""
    rows = [
        f"| {one.model} | {', '.join(one.fields.split())} | {one.purpose} | {one.kept} | {one.erased} |"
        for one in PERSONAL
    ]
    return "\n".join(["| table | fields | what for | kept | erasure |", "| --- | --- | --- | --- | --- |", *rows])
