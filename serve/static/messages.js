// What the page says, in both languages. Keys of errors are the codes of the API.

const messages = {
  "zh-CN": {
    title: "图片文字识别",
    invite: "把图片拖到这里，或粘贴，或",
    choose: "选择图片",
    kinds: "PNG、JPEG、WebP、GIF、BMP、TIFF；可一次选择多张。图片只发送到本服务器。",
    context: "看不清的字按上下文判断（语言模型，耗时约多 15 %）",
    other_language: "English",
    key: "API 密钥",
    use_key: "使用",
    copy_all: "复制全部文字",
    copy: "复制",
    copied: "已复制",
    not_copied: "浏览器不允许复制：请选中文字后手动复制",
    save_text: "下载 TXT",
    save_json: "下载 JSON",
    clear: "清空",
    waiting: "等待中…",
    reading: "识别中…",
    no_text: "图片中没有找到文字。",
    done: "{name}：识别完成，{lines} 行",
    failed: "{name}：{reason}",
    time: "{ms} 毫秒",
    time_cached: "{ms} 毫秒（缓存）",
    confidence: "每个字正确的概率 {percent}%，整行全对的概率 {line}%",
    pages: "文件有 {pages} 页，只识别了第一页。",
    correct: "更正",
    correct_line: "更正此行：{text}",
    right_text: "这一行的正确文字",
    send: "提交",
    cancel: "取消",
    thanks: "已保存，谢谢！",
    errors: {
      bad_image: "这个文件不是图片，或者已经损坏。",
      unsupported_type: "不支持这种文件。请使用 PNG、JPEG、WebP、GIF、BMP 或 TIFF。",
      too_many_bytes: "图片文件太大。请缩小后再试。",
      too_many_pixels: "图片像素太多。请缩小后再试。",
      too_many_lines: "图片中文字行太多。请裁成几部分。",
      queue_full: "服务器正忙，请稍后再试。",
      rate_limited: "请求太频繁，请稍后再试。",
      deadline_passed: "识别超时，请稍后再试。",
      not_ready: "服务器还没有准备好，请稍后再试。",
      draining: "服务器正在关闭。",
      unauthorized: "需要 API 密钥。",
      bad_text: "文字必须是一行，不能为空，也不能超过 400 个字符。",
      storage_full: "更正已存满，请联系管理员。",
      network: "无法连接服务器。",
      other: "出错了：{message}",
    },
  },
  en: {
    title: "Read text in pictures",
    invite: "Drop pictures here, paste them, or",
    choose: "Choose pictures",
    kinds: "PNG, JPEG, WebP, GIF, BMP, TIFF; several at once. Pictures go to this server only.",
    context: "Read doubtful letters by their context (language model; some 15 % more time)",
    other_language: "中文",
    key: "API key",
    use_key: "Use",
    copy_all: "Copy all text",
    copy: "Copy",
    copied: "Copied",
    not_copied: "The browser does not allow copying: select the text and copy it yourself",
    save_text: "Download TXT",
    save_json: "Download JSON",
    clear: "Clear",
    waiting: "Waiting…",
    reading: "Reading…",
    no_text: "No text was found in this picture.",
    done: "{name}: done, {lines} lines",
    failed: "{name}: {reason}",
    time: "{ms} ms",
    time_cached: "{ms} ms (cached)",
    confidence: "{percent} % that a character is right, {line} % that the whole line is",
    pages: "The file has {pages} pages; only the first was read.",
    correct: "Correct",
    correct_line: "Correct this line: {text}",
    right_text: "What this line really says",
    send: "Send",
    cancel: "Cancel",
    thanks: "Kept, thank you!",
    errors: {
      bad_image: "This file is not a picture, or it is damaged.",
      unsupported_type: "This kind of file is not read here. Use PNG, JPEG, WebP, GIF, BMP or TIFF.",
      too_many_bytes: "The file is too large. Make it smaller and try again.",
      too_many_pixels: "The picture has too many pixels. Make it smaller and try again.",
      too_many_lines: "The picture has too many lines. Cut it into parts.",
      queue_full: "The server is busy. Try again in a moment.",
      rate_limited: "Too many requests. Try again in a moment.",
      deadline_passed: "Reading took too long. Try again later.",
      not_ready: "The server is not ready yet. Try again in a moment.",
      draining: "The server is shutting down.",
      unauthorized: "An API key is needed.",
      bad_text: "The text must be one line, not empty, and of at most 400 characters.",
      storage_full: "There is no room for further corrections. Tell the administrator.",
      network: "The server cannot be reached.",
      other: "Something went wrong: {message}",
    },
  },
};

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en");
if (!(language in messages)) language = "en";

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export const say = (key, values = {}) => fill(messages[language][key], values);

export function sayError(error) {
  const errors = messages[language].errors;
  return fill(errors[error.code] ?? errors.other, { message: error.message });
}

// An element keeps what it says as data, so that it can say it again in the other language.
export function speak(element, key, values = {}) {
  element.dataset.say = key;
  element.dataset.values = JSON.stringify(values);
  element.textContent = say(key, values);
}

export function speakError(element, error) {
  element.dataset.error = JSON.stringify(error);
  element.textContent = sayError(error);
}

export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say, JSON.parse(element.dataset.values ?? "{}"));
  }
  for (const element of root.querySelectorAll("[data-error]")) {
    element.textContent = sayError(JSON.parse(element.dataset.error));
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    const values = JSON.parse(element.dataset.values ?? "{}");
    element.setAttribute("aria-label", say(element.dataset.label, values));
  }
}

export function switchLanguage(next = language === "en" ? "zh-CN" : "en") {
  language = next;
  localStorage.setItem("language", language);
  document.documentElement.lang = language;
  document.title = say("title");
  document.getElementById("language").textContent = say("other_language");
  translate();
}

export const currentLanguage = () => language;
