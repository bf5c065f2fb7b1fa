"""The report in a real browser without a network: every result opens and nothing is complained about."""

import re
import shutil
import time

import pytest
from copies import snakemake
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

STYLE = "workflow/report/style.css"


@pytest.fixture(scope="module")
def report(built):
    """The file alone, away from the project."""
    snakemake(built, "--report", "report.html", "--report-stylesheet", STYLE)
    folder = built.parent / "alone"
    folder.mkdir()
    return shutil.move(built / "report.html", folder / "report.html")


@pytest.fixture(scope="module")
def browser(report):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "Chromium is missing: on Debian, apt-get install chromium chromium-driver"
    assert driver, "chromedriver is missing: on Debian, apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",  # needs no rights of its own inside a container
        "--window-size=1500,1000",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        chrome.get(f"file://{report}")
        wait(chrome, lambda: chrome.find_elements(By.LINK_TEXT, "Statistics"))
        yield chrome
    finally:
        chrome.quit()


def wait(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: condition())


def complaints(browser):
    """Errors of the console; warnings are about Snakemake's own style sheet."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def click(browser, text):
    wait(browser, lambda: browser.find_elements(By.LINK_TEXT, text))[0].click()


def results(browser):
    return browser.execute_script("return Object.keys(results)")


def test_verdicts_come_first(browser):
    description = browser.find_element(By.CSS_SELECTOR, ".prose").text
    assert "Verdicts on numbers and statements of each paper" in description
    rows = [row.text.split() for row in browser.find_elements(By.CSS_SELECTOR, ".prose tbody tr")]
    agree = {
        paper: sum(int(row[-1]) for row in rows if row[0] == paper and "agrees" in row) for paper in "1234"
    }
    assert sorted({row[0] for row in rows}) == list(agree)
    assert min(agree.values()) > 5
    menu = [link.text for link in browser.find_elements(By.TAG_NAME, "a") if re.match(r"\d ", link.text)]
    assert menu[0] == "1 Verdicts"
    assert len(menu) == 7
    assert browser.find_elements(By.CSS_SELECTOR, ".prose h1")[0].location["y"] >= 0  # can be scrolled to


def test_every_figure_table_notebook_is_there(browser, built):
    shown = set(results(browser))
    for top, ending in (("figures", "png"), ("tables", "html"), ("data/smoke/notebooks", "html")):
        there = {str(path.relative_to(built)) for path in (built / top).rglob(f"*.{ending}")}
        assert there
        assert there <= shown
    names = {path.stem for path in (built / "tables/smoke").glob("*.csv")}
    # the one that is too long for a page, a row per layer
    assert names - {path.stem for path in (built / "tables/smoke").glob("*.html")} == {
        "propagation_layers",
        "propagation_drift",
        "edge_of_chaos_fitted",
    }


def test_every_result_opens(browser):
    """Through its button, as a reader opens it: pictures have pixels, pages have text."""
    for path in results(browser):
        browser.execute_script("app.showResultInfo(arguments[0])", path)
        wait(browser, lambda path=path: path in browser.find_element(By.TAG_NAME, "body").text)
        text = browser.find_element(By.TAG_NAME, "body").text
        assert "DESCRIPTION" in text
        # those that are made of all sections
        if not re.search(r"verdicts_(numbers|counts|claims|blocks)\.html|rules_\w+\.png|notebooks", path):
            assert re.search(r"Parameters \(scale smoke, seed 2205, section [\w.]+\): \w+", text), path
        browser.find_element(By.CSS_SELECTOR, "a[iconname='eye']").click()
        if path.endswith(".png"):
            size = wait(
                browser,
                lambda path=path: browser.execute_script(
                    "const i = document.querySelector('img[src=\"' + results[arguments[0]].data_uri + '\"]');"
                    "return i && i.complete && i.naturalWidth",
                    path,
                ),
            )
            assert size > 200, path
        else:
            frame = wait(browser, lambda: browser.find_elements(By.TAG_NAME, "iframe"))[0]
            browser.switch_to.frame(frame)
            wait(browser, lambda: len(browser.find_element(By.TAG_NAME, "body").text) > 50)
            if "notebooks" in path:
                assert "Traceback" not in browser.find_element(By.TAG_NAME, "body").text
                words = browser.find_elements(By.CLASS_NAME, "jp-RenderedMarkdown")
                assert len(words) > 3
                assert not [cell.text for cell in words if "$" in cell.text], "a formula is not drawn"
            browser.switch_to.default_content()
        assert complaints(browser) == [], path


def test_menu_leads_to_a_figure(browser):
    """By clicks alone: home, paper, stage, eye."""
    browser.refresh()
    click(browser, "2 Gaussian pre-activations")
    click(browser, "propagation")
    row = wait(browser, lambda: browser.find_elements(By.XPATH, "//tr[td[contains(., 'Quantiles')]]"))[0]
    row.find_element(By.CSS_SELECTOR, "a[iconname='eye']").click()
    picture = wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "img[src^='data:image/png']"))[0]
    assert wait(browser, lambda: picture.get_property("naturalWidth")) > 200


def test_runtimes_and_rule_graph_are_drawn(browser):
    browser.refresh()
    wait(browser, lambda: browser.find_elements(By.LINK_TEXT, "Statistics"))
    wait(browser, lambda: browser.find_elements(By.TAG_NAME, "canvas"))
    click(browser, "Statistics")
    wait(browser, lambda: len(browser.find_elements(By.TAG_NAME, "canvas")) >= 2)
    time.sleep(0.5)
    assert complaints(browser) == []


def test_report_asks_nothing_of_the_network(report):
    text = report.read_text()
    assert not re.search(r"<(?:script|img|iframe)[^>]* src=\"?http", text)
    assert not re.search(r"<link[^>]* href=\"?http", text)
