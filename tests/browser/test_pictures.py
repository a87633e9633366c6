"""Files that come into a reply without being chosen: a pasted picture, in its place; a dropped file, waited for."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_outbound_screens import make_png

pytestmark = pytest.mark.xdist_group("browser-pictures")
PASTE = """
(data) => {
  const octets = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([octets], "image.png", { type: "image/png" }));
  const paste = new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
  document.querySelector("#reply-text").dispatchEvent(paste);
}
"""
DROP = """
(name) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(["second floor"], name, { type: "text/plain" }));
  const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.querySelector("#reply-text").dispatchEvent(drop);
}
"""
UPLOADS = "**/drafts/reply/files"


def test_a_pasted_picture_goes_inside_the_words(house, sign_in, shot):
    lea = sign_in("lea@example.org")
    house.deliver(house.mail("Where is the plan?", "I cannot find the plan of the second floor."))
    lea.get_by_role("link", name="Where is the plan?").click()
    box = lea.locator("#reply-text")
    box.fill("Here it is:\n\n")
    picture = make_png(240, 120)
    lea.evaluate(PASTE, base64.b64encode(picture).decode())
    expect(lea.locator("[data-attached] li")).to_have_count(1)
    expect(box).to_have_value(re.compile(r"^Here it is:\n\n\[image: image-\d+\.png\]$"))
    shot(lea, "picture-pasted")
    lea.locator(".send-reply").click()

    caught = house.relay.wait_for(lambda mail: "Here it is:" in str(mail.message))
    related = next(part for part in caught.message.walk() if part.get_content_type() == "multipart/related")
    page, image = related.iter_parts()
    assert image.get_payload(decode=True) == picture
    assert f'src="cid:{str(image["Content-ID"]).strip("<>")}"' in page.get_content()
    assert "[image:" not in page.get_content()

    shown = lea.locator(".moment.agent .text img.placed")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 240
    shot(lea, "picture-on-the-ticket")


def test_a_reply_waits_for_a_dropped_file_and_never_leaves_without_a_word(house, sign_in):
    lea = sign_in("lea@example.org")
    house.deliver(house.mail("Where is the list?", "I cannot find the list of the second floor."))
    lea.get_by_role("link", name="Where is the list?").click()
    box, send = lea.locator("#reply-text"), lea.locator(".send-reply")
    box.fill("The list is attached.")

    # it does not arrive: the reply stays, says so, and its words are still saved
    lea.route(UPLOADS, lambda route: route.abort())
    lea.evaluate(DROP, "list.txt")
    send.click()
    expect(lea.locator("#reply-box [data-saved]")).to_contain_text("Not attached: list.txt.")
    with lea.expect_response("**/drafts/reply"):
        box.fill("The list is attached!")
    lea.unroute(UPLOADS)

    # it is on its way: the reply waits
    held = []

    def hold(route):
        held.append(route)

    lea.route(UPLOADS, hold)
    with lea.expect_request(UPLOADS):
        lea.evaluate(DROP, "list.txt")
    send.click()
    expect(lea.locator("#reply-box [data-saved]")).to_have_text("Attaching…")
    expect(box).to_have_value("The list is attached!")
    held[0].continue_()
    expect(lea.get_by_text("This will be sent in a moment.")).to_be_visible()

    mail = house.relay.wait_for(lambda caught: "The list is attached!" in str(caught.message)).message
    assert [part.get_filename() for part in mail.iter_attachments()] == ["list.txt"]
