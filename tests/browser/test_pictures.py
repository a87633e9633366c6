"""A picture that an agent pastes into a reply: in its place in the box, in the mail, and on the ticket's page."""

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
