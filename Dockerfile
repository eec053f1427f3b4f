# The server alone: no torch, no compiler. docker build -t crnn-ocr .
# docker run -e OCR_API_KEYS=secret -p 5000:5000 crnn-ocr; without a key: -e OCR_PUBLIC=1 -p 127.0.0.1:5000:5000
# By digest, so that the same commit gives the same image; Dependabot proposes newer ones.
FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7 AS base

FROM base AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY crnn crnn
COPY serve serve
COPY models/crnn-zh-en.int8.onnx models/finder.int8.onnx models/lm-zh-en.npz models/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt . \
    && /venv/bin/pip uninstall -y pip setuptools

FROM base
# Numbers above 1000 clash with no user of the base image.
RUN useradd --uid 10001 --create-home ocr && install -d -o ocr -g ocr /var/lib/ocr
COPY --from=build /venv /venv
# By number, so that an orchestrator can see that it is not root.
USER 10001
WORKDIR /home/ocr
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OCR_HOST=0.0.0.0 \
    OCR_STATE_DIR=/var/lib/ocr
EXPOSE 5000
VOLUME /var/lib/ocr
# The probe asks whether a model is in service; the interpreter is there anyway, curl is not.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/ready', timeout=4)"]
# The process that gets SIGTERM is gunicorn itself: `python -m serve` becomes it.
CMD ["python", "-m", "serve"]
