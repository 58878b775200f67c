"""The page in a real browser, as people use it: upload, grow, stop, download, settings back, brush, tabs, keyboard."""

from __future__ import annotations

import io
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from myvgg import images
from myvgg.runs import record
from tests.page.server import MAX_SECONDS, Server
from tests.runs.small import save

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # Selenium's connection
]
pytest.importorskip("gradio", reason="needs Gradio")

FLAGS = (
    *("--headless", "--no-sandbox", "--no-first-run", "--disable-quic", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A page without a password."""
    found = Server()
    yield found
    assert found.close() == 0


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser for all tests."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,1400"):
        options.add_argument(flag)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield started
    started.quit()


@pytest.fixture
def browser(driver: Any, server: Server, tmp_path: Path) -> Iterator[Any]:
    """A new tab in which the page is open; downloads go to the folder `downloads` of the test."""
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    folder = {"behavior": "allow", "downloadPath": str(tmp_path / "downloads")}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
    driver.get(server.url)
    find(driver, "#start")
    yield driver
    for tab in driver.window_handles:
        if tab != first:
            driver.switch_to.window(tab)
            driver.close()
    driver.switch_to.window(first)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """A photograph and a style."""
    return save(tmp_path / "photo é.png", seed=1), save(tmp_path / "style.jpg", seed=2)


def wait(until: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it; parts of the page may be replaced meanwhile."""
    from selenium.common.exceptions import WebDriverException

    end = time.monotonic() + MAX_SECONDS
    while True:
        try:
            if found := until():
                return found
        except WebDriverException as error:
            if time.monotonic() > end:
                raise AssertionError from error
        assert time.monotonic() < end
        time.sleep(0.05)


def find(driver: Any, selector: str) -> Any:
    """Wait for an element."""
    return wait(lambda: driver.find_elements("css selector", selector))[0]


def click(driver: Any, selector: str) -> None:
    """Bring an element into view and click on it."""
    element = find(driver, selector)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    wait(lambda: element.click() or True)


def upload(driver: Any, selector: str, path: Path) -> None:
    """Choose a file."""
    find(driver, f"{selector} input[type=file]").send_keys(str(path))


def choose(driver: Any, pictures: tuple[Path, Path], size: int = 128) -> None:
    """Upload a photograph and a style, and choose a size."""
    for selector, path in zip(("#content", "#styles"), pictures, strict=True):
        upload(driver, selector, path)
        find(driver, f"{selector} img")
    number = find(driver, "#size input[type=number]")
    number.clear()
    number.send_keys(f"{size}\t")


def state(driver: Any) -> str:
    """Return the state of the order on the screen."""
    return str(find(driver, "#screen .screen").get_attribute("class")).removeprefix("screen ")


def frames(driver: Any) -> int:
    """Return the number of pictures that the screen has shown."""
    return int(find(driver, "#screen .screen").get_attribute("data-frames") or 0)


WATCH = """
window.shown = new Set();
new MutationObserver(() => {
    const image = document.querySelector("#screen img");
    if (image) window.shown.add(image.src);
}).observe(document.body, {attributes: true, childList: true, subtree: true});
"""
"""Script that keeps the addresses of the pictures that the screen shows from then on, however soon they go."""


def show(driver: Any, name: str) -> None:
    """Write a screenshot for the documents, if somebody asks for them."""
    if folder := os.environ.get("MYVGG_SCREENSHOTS"):
        driver.execute_script("window.scrollTo(0, 0)")
        time.sleep(1)
        with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as shot:
            shot.convert("RGB").save(f"{folder}/{name}.jpg", quality=85)


def downloaded(driver: Any, folder: Path) -> Path:
    """Download the result."""
    click(driver, "#download")
    return Path(wait(lambda: [*(folder / "downloads").glob("*.png")])[0])


def test_a_picture_grows_and_is_downloaded(browser: Any, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    """Two uploads and a click make a picture that grows, with a curve and the time left; it holds its settings."""
    choose(browser, pictures, 256)
    browser.execute_script(WATCH)
    click(browser, "#start")
    wait(lambda: len(browser.execute_script("return [...window.shown]")) >= 2)
    wait(lambda: "left" in find(browser, "#screen [role=status]").text or state(browser) == "finished")
    find(browser, "#screen .curve polyline")
    wait(lambda: state(browser) == "finished")
    result = downloaded(browser, tmp_path)
    assert max(images.load(result).shape) == 256
    made = record.read_record(result)
    assert made["settings"]["size"] == 256
    assert made["run"]["finished"]
    assert not [entry for entry in made["inputs"].values() if "/" in entry["file"]]
    find(browser, "#made img")


def test_stop_keeps_the_picture_and_settings_come_back(
    browser: Any, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    """A stopped picture is there within a second; dropped in, it gives its settings back."""
    choose(browser, pictures, 512)
    strength = find(browser, "#strength input[type=number]")
    strength.clear()
    strength.send_keys("2.5\t")
    click(browser, "#start")
    wait(lambda: frames(browser) >= 2)
    click(browser, "#stop")
    wait(lambda: state(browser) == "stopped")
    result = downloaded(browser, tmp_path)
    assert not record.read_record(result)["run"]["finished"]
    browser.refresh()
    find(browser, "#start")
    click(browser, "#again button")
    upload(browser, "#brought", result)
    wait(lambda: find(browser, "#strength input[type=number]").get_attribute("value") == "2.5")
    assert find(browser, "#size input[type=number]").get_attribute("value") == "512"


def test_a_reload_in_the_middle_shows_the_same_order(browser: Any, pictures: tuple[Path, Path]) -> None:
    """The tab remembers its order; the picture goes on growing, and Stop still works."""
    choose(browser, pictures, 512)
    click(browser, "#start")
    wait(lambda: frames(browser) >= 1)
    browser.refresh()
    wait(lambda: state(browser) == "running")
    before = frames(browser)
    wait(lambda: frames(browser) > before)
    click(browser, "#stop")
    wait(lambda: state(browser) == "stopped")


def test_a_second_tab_waits_in_line(browser: Any, server: Server, pictures: tuple[Path, Path]) -> None:
    """Another tab has an order of its own, which waits and can be cancelled; the first one goes on."""
    choose(browser, pictures, 512)
    click(browser, "#start")
    wait(lambda: state(browser) == "running")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(server.url)
    choose(browser, pictures)
    assert "empty" in state(browser)
    click(browser, "#start")
    wait(lambda: "1 before this one" in find(browser, "#screen [role=status]").text)
    click(browser, "#stop")
    wait(lambda: state(browser) == "stopped")
    browser.switch_to.window(first)
    assert state(browser) == "running"
    click(browser, "#stop")
    wait(lambda: state(browser) == "stopped")


def paint_on_an_example(browser: Any) -> None:
    """Choose an example and a style, and paint a red stroke on the example."""
    from selenium.webdriver import ActionChains

    click(browser, "#photographs button")
    click(browser, "#paintings button")
    find(browser, "#content img")
    find(browser, "#styles img")
    number = find(browser, "#size input[type=number]")
    number.clear()
    number.send_keys("256\t" if os.environ.get("MYVGG_SCREENSHOTS") else "128\t")  # readers see more of it
    click(browser, "#painting button")
    click(browser, "#to-paint")
    canvas = find(browser, "#paint canvas")
    time.sleep(2)  # the editor fits the photograph to its place
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    actions = ActionChains(browser).move_to_element(canvas).click_and_hold()
    for step in (40, -80, 40):
        actions = actions.move_by_offset(step, 5)
    actions.release().perform()
    time.sleep(1)


def test_the_brush_keeps_a_part(browser: Any, tmp_path: Path) -> None:
    """Red paint on the photograph becomes a mask, with which the result is made."""
    paint_on_an_example(browser)
    click(browser, "#start")
    wait(lambda: state(browser) == "finished")
    result = downloaded(browser, tmp_path)
    assert "keep" in record.read_record(result)["inputs"]
    show(browser, "made")
    narrow(browser)
    show(browser, "phone")


def test_paint_goes_with_its_photograph(browser: Any, tmp_path: Path) -> None:
    """The paint of one photograph is not laid on another one."""
    paint_on_an_example(browser)
    before = find(browser, "#content img").get_attribute("src")
    click(browser, "#photographs button:nth-of-type(3)")
    wait(lambda: find(browser, "#content img").get_attribute("src") != before)
    time.sleep(1)
    click(browser, "#start")
    wait(lambda: state(browser) == "finished")
    made = record.read_record(downloaded(browser, tmp_path))
    assert made["inputs"]["content"]["file"].endswith("coffee.jpg")
    assert "keep" not in made["inputs"]


def test_several_orders_of_a_tab(browser: Any, pictures: tuple[Path, Path]) -> None:
    """The page shows the first order that is not over, Stop ends it, and all results are there in the end."""
    choose(browser, pictures, 512)
    click(browser, "#start")
    wait(lambda: frames(browser) >= 1)
    for _ in range(2):
        click(browser, "#start")
        time.sleep(1)
        assert state(browser) == "running"
    for made in (1, 2, 3):
        wait(lambda: frames(browser) >= 2)
        click(browser, "#stop")
        wait(lambda made=made: len(browser.find_elements("css selector", "#made button img")) == made)
        wait(lambda made=made: state(browser) == ("stopped" if made == 3 else "running"))


def test_styles_to_try_are_added(browser: Any, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    """Each click adds a painting to those that are chosen, once, beside an upload; the result is of all of them."""
    choose(browser, pictures, 64)
    for count, number in ((2, 1), (3, 3), (3, 1)):
        click(browser, f"#paintings button:nth-of-type({number})")
        wait(lambda count=count: len(find(browser, "#styles").find_elements("css selector", "button img")) == count)
        time.sleep(0.5)
    assert len(find(browser, "#styles").find_elements("css selector", "button img")) == 3
    click(browser, "#start")
    wait(lambda: state(browser) == "finished")
    made = record.read_record(downloaded(browser, tmp_path))
    files = [entry["file"] for name, entry in made["inputs"].items() if name.startswith("style")]
    assert files == ["style.jpg", "waves.jpg", "tiles.jpg"]


def test_broken_uploads_are_told(browser: Any, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    """A file that is no picture is told by its name, and the page goes on."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"%!PS no picture")
    upload(browser, "#content", broken)
    wait(lambda: "broken.png: " in find(browser, "body").text)
    assert "/tmp" not in find(browser, "body").text
    click(browser, "#start")
    wait(lambda: "choose a photograph and a style first" in find(browser, "body").text)


def test_the_keyboard_is_enough(browser: Any) -> None:
    """Tab and Enter choose a photograph and a style, and start and stop a run."""
    from selenium.webdriver import ActionChains, Keys

    def press(selector: str) -> None:
        for _ in range(120):
            if browser.execute_script(
                "return document.querySelector(arguments[0]).contains(document.activeElement)", selector
            ):
                ActionChains(browser).send_keys(Keys.ENTER).perform()
                return
            ActionChains(browser).send_keys(Keys.TAB).perform()
        raise AssertionError(selector)

    press("#photographs button")
    find(browser, "#content img")
    press("#paintings button")
    find(browser, "#styles img")
    press("#start")
    wait(lambda: state(browser) == "running")
    press("#stop")
    wait(lambda: state(browser) == "stopped")


def narrow(driver: Any) -> None:
    """Make the browser that of a phone."""
    phone = {"width": 375, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    time.sleep(1)


def test_a_phone_has_room(browser: Any) -> None:
    """On a narrow screen nothing is wider than the screen, and the buttons are there."""
    narrow(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 375
    for selector in ("#start", "#stop", "#sheet"):
        assert find(browser, selector).rect["width"] > 60


def test_a_sheet_of_several_styles(browser: Any, pictures: tuple[Path, Path]) -> None:
    """One click draws the photograph in all styles that come with the page."""
    choose(browser, pictures, 64)
    click(browser, "#sheet")
    wait(lambda: state(browser) == "finished")
    assert frames(browser) == 4


def test_nothing_is_loaded_from_elsewhere(browser: Any, server: Server) -> None:
    """All that the browser has loaded came from the page, and the policy forbids anything else."""
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded
    assert [name for name in loaded if not name.startswith((server.url, "data:", "blob:"))] == []
    with urllib.request.urlopen(server.url) as answer:
        assert "default-src 'self'" in answer.headers["content-security-policy"]
