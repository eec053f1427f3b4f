"""What people do most on the page, in a real Firefox: the tests that Chromium passes. Needs the package firefox-esr."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.serve import test_page, test_page_documents
from tests.serve.chromium import Page
from tests.serve.firefox import start_firefox
from tests.serve.running import RunningServer

pytest_plugins = ["tests.serve.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("firefox-esr") is None, reason="needs firefox-esr"),
]

TESTS = (
    test_page.test_choosing_a_picture,
    test_page.test_the_example_is_read,
    test_page.test_only_doubtful_characters_are_marked_as_many_as_the_slider_says,
    test_page.test_several_pictures_keep_their_order,
    test_page.test_a_bad_picture_is_told_in_plain_words_and_the_others_are_read,
    test_page.test_names_and_texts_are_never_markup,
    test_page.test_editing_by_keyboard_saves_for_training,
    test_page.test_clicking_a_line_edits_it_and_an_empty_one_stays_open,
    test_page.test_pointing_at_a_line_marks_its_box_and_the_reverse,
    test_page.test_zooming_pulling_and_turning,
    test_page.test_large_photographs_are_shown_smaller,
    test_page.test_removing_all,
    test_page.test_both_languages,
    test_page.test_plain_text,
    test_page.test_only_keyboard_reaches_everything,
    test_page_documents.test_the_pages_of_a_pdf_are_shown_with_the_boxes_of_their_lines,
    test_page_documents.test_the_pages_of_a_tiff,
    test_page_documents.test_a_page_whose_picture_is_gone_is_drawn_from_its_text,
    test_page_documents.test_corrected_lines_of_any_page_are_saved_for_training,
    test_page_documents.test_paragraphs_join_lines_that_still_show_their_boxes,
    test_page_documents.test_a_locked_pdf_is_read_with_its_password,
    test_page_documents.test_a_long_document_is_read_as_a_job_and_may_be_cancelled,
    test_page_documents.test_cancelling_and_trying_again,
)
globals().update({test.__name__: test for test in TESTS})


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Remote]:
    driver = start_firefox(tmp_path_factory.mktemp("firefox"))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Remote, server: RunningServer) -> Page:
    """The page of `server` in English."""
    driver.get(server.url)
    driver.execute_script("localStorage.clear(); localStorage.setItem('language', 'en'); sessionStorage.clear()")
    driver.refresh()
    return Page(driver)
