// Says things in the chosen language. The texts themselves are in a file for each language.

import en from "./en.js";
import zhCN from "./zh-CN.js";

const languages = { "zh-CN": zhCN, en };

const matching = (wanted) => Object.keys(languages).find((name) => name.split("-")[0] === wanted.split("-")[0]);

let language = localStorage.getItem("language") ?? matching(navigator.language);
if (!(language in languages)) language = "en";

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export function say(key, values = {}) {
  const text = languages[language][key];
  if (typeof text === "string") return fill(text, values);
  return fill(text[new Intl.PluralRules(language).select(values.count)] ?? text.other, values);
}

export function sayError(error) {
  const errors = languages[language].errors;
  return fill(errors[error.code] ?? errors.other, { message: error.message });
}

const values = (element) => JSON.parse(element.dataset.values ?? "{}");

function utter(element) {
  const { say: key, label, error } = element.dataset;
  const filled = values(element);
  if (error) filled.reason = sayError(JSON.parse(error));
  if (key) element.textContent = say(key, filled);
  if (label) element.setAttribute("aria-label", say(label, filled));
  if (label && element.matches("button")) element.title = say(label, filled);
}

// An element keeps what it says as data, so that it can say it again in another language. `error` is told as {reason}.
export function speak(element, key, filled = {}, error = null) {
  element.dataset.say = key;
  element.dataset.values = JSON.stringify(filled);
  if (error) element.dataset.error = JSON.stringify({ code: error.code, message: error.message });
  else delete element.dataset.error;
  utter(element);
}

// The same for what only a screen reader says of an element, and what the pointer shows of a button.
export function label(element, key, filled = {}) {
  element.dataset.label = key;
  element.dataset.values = JSON.stringify(filled);
  utter(element);
}

export const hush = (element) => {
  for (const name of ["say", "values", "error"]) delete element.dataset[name];
  element.textContent = "";
};

export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-say], [data-label]")) utter(element);
}

export function chooseLanguage(next) {
  language = next;
  document.documentElement.lang = language;
  document.title = say("title");
  translate();
}

// Fills the list of languages, and begins to speak.
export function offerLanguages(list) {
  for (const [name, texts] of Object.entries(languages)) list.append(new Option(texts.language, name));
  list.value = language;
  list.addEventListener("change", () => {
    localStorage.setItem("language", list.value);
    chooseLanguage(list.value);
  });
  chooseLanguage(language);
}
