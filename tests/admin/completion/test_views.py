from collections.abc import Callable

from app.accounts.roles import Role
from tests.admin.browser import Browser


def test_the_table_is_for_who_is_signed_in_and_sent_only_when_it_has_changed(
    sign_in: Callable[[Role], Browser], demo_brain: object
):
    assert demo_brain
    viewer = sign_in(Role.VIEWER)
    answer = viewer.get("/brains/demo/completions.json?command=echo")
    assert "ctx.args.text" in {word["path"] for word in answer.json["script"]}
    same = {"If-None-Match": answer.headers["ETag"]}
    assert viewer.client.get("/brains/demo/completions.json?command=echo", headers=same).status_code == 304
    packed = viewer.client.get("/brains/demo/completions.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(answer.data) / 3
    assert viewer.get("/brains/demo/completions.json?command=nothing").status_code == 200
    assert viewer.get("/brains/nothing/completions.json").status_code == 404
    viewer.post("/logout")
    assert viewer.get("/brains/demo/completions.json").status_code == 302
