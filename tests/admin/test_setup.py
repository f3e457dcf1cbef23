from flask import Flask

from tests.admin.browser import PASSWORD, Browser


def test_the_first_run_makes_an_owner_once_and_then_is_gone(app: Flask):
    browser = Browser(app.test_client())
    assert "Welcome to Brainbox" in browser.get("/setup").text
    answer = browser.post("/setup", email="ada@example.com", password="short", timezone="Africa/Accra")
    assert answer.status_code == 422
    assert "10 to 200 characters" in answer.text
    assert 'value="ada@example.com"' in answer.text
    answer = browser.post("/setup", email="ada@example.com", password=PASSWORD, timezone="Africa/Accra")
    assert answer.location.endswith("/setup/brain")
    answer = browser.post("/setup/brain", title="Helper")
    assert "/simulator/?connection=1" in answer.location
    assert "!hello" in browser.get(answer.location).text
    assert browser.get("/setup/brain").status_code == 404
    assert browser.get("/setup").status_code == 404
    assert browser.get("/").location.endswith("/dashboard")


def test_the_wizard_comes_back_for_the_owner_while_there_is_no_brain(app: Flask):
    browser = Browser(app.test_client())
    browser.get("/setup")
    browser.post("/setup", email="ada@example.com", password=PASSWORD, timezone="Africa/Accra")
    for address in ("/", "/setup"):
        assert browser.get(address).location.endswith("/setup/brain")
    assert 'href="/setup/brain"' in browser.get("/dashboard").text
    browser.post("/logout")
    assert browser.get("/").location == "/login?next=/"
    browser.token = ""
    answer = browser.post("/login?next=/", email="ada@example.com", password=PASSWORD)
    assert answer.location == "/"
    assert browser.get("/").location.endswith("/setup/brain")


def test_an_unknown_time_zone_is_told_beside_its_field(app: Flask):
    browser = Browser(app.test_client())
    browser.get("/setup")
    answer = browser.post("/setup", email="ada@example.com", password=PASSWORD, timezone="Mars/Base")
    assert answer.status_code == 422
    assert 'id="zone-hint">There is no such time zone' in answer.text
