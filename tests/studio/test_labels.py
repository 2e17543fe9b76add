import pytest

from infra.contract.stack_console import FormField
from runtime.studio.labels import heading, label, labelled

FIELDS = tuple(
    FormField(key, "text")
    for key in ("name", "vm_size", "min_nodes", "resource_id", "admin.ssh_public_key")
)


def test_a_label_is_the_last_of_a_key():
    assert label("admin.ssh_public_key") == "SSH public key"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("identity.type", "Identity: type"),
        ("schedules[1].start_time", "Schedules 2: start time"),
        ("max_nodes", "Max nodes"),
        ("resource_id", "Resource ID"),
    ],
)
def test_a_heading_is_the_whole_path(path, text):
    assert heading(path) == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("needs resource_id or address.", "needs Resource ID or address."),
        ("is less than min_nodes.", "is less than Min nodes."),
        ("admin.ssh_public_key is required.", "Admin: SSH public key is required."),
        ("'min_nodes' is not a name; 'a.vm_size' neither", None),
        ("is not in aml:vm_size_list, other.vm_size or /vm_size", None),
    ],
)
def test_a_message_has_the_labels_of_settings_but_not_in_what_it_quotes(message, text):
    assert labelled(FIELDS, message) == (text or message)


def test_a_form_without_fields_has_no_labels():
    assert labelled((), "needs resource_id") == "needs resource_id"
