# Every stage behind one word. `make help` lists targets and variables.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON      ?= python3
NAME        ?= base
PROFILE     ?= full
LINES       ?= 200000
PAGES       ?= 3000
SEED        ?= 1
SPLIT       ?= train
PORT        ?= 5000
PIP_ARGS    ?=
ARGS        ?=

BIN := .venv/bin
PY  := $(BIN)/python
PIP := $(PY) -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt

# A variable's value may hold any character, as paths do. One word of the shell each: $(call given,key,VARIABLE) is
# key="value" for Hydra, $(call several,key,VARIABLES) key=["value","value"], $(call asis,VARIABLE) the value itself.
asis    = '$(subst ','\'',$($1))'
quoted  = "$(subst ','\'',$(subst ",\",$($1)))"
given   = '$1=$(call quoted,$2)'
comma  := ,
several = '$1=[$(call quoted,$(firstword $2))$(foreach each,$(wordlist 2,9,$2),$(comma)$(call quoted,$(each)))]'

# What a target cannot do without is asked for before anything is built.
needs_import     := SOURCE
needs_label      := SOURCE
needs_evaluate   := DATASET
needs_data-stats := DATASET
needs_quantize   := DATASET
SOURCE_is        := labeled lines (a list, a folder, an LMDB), or pictures to label
DATASET_is       := an LMDB folder, or a TSV of file, text and category
$(foreach goal,$(MAKECMDGOALS),$(foreach needed,$(needs_$(goal)),$(if $(strip $($(needed))),,$(error \
    make $(goal) needs $(needed)=PATH, $($(needed)_is)))))

.PHONY: help env env-train env-dev env-lm fonts corpus data pages photographs preview data-stats import label train train-finder \
        export quantize evaluate \
        bench bench-pages lm serve finetune promote rollback test lint docs pipeline clean

help: ## list targets and variables
	@echo "Targets:"; grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14 | sed 's/^/  /'
	@echo "Variables (VAR=value):"
	@echo "  NAME=$(NAME)         run under artifacts/"
	@echo "  PROFILE=$(PROFILE)      fonts and text: quick (pip alone) or full"
	@echo "  LINES=$(LINES) SEED=$(SEED) SPLIT=$(SPLIT)   what 'make data' builds; PAGES=$(PAGES), of 'make pages'"
	@echo "  MODEL=FILE        model to quantize, evaluate or serve    DATASET=PATH   LMDB folder or labels TSV"
	@echo "  START_MODEL=FILE  checkpoint that training starts from    PORT=$(PORT)     of the server"
	@echo "  SOURCE=PATH       what 'make import' and 'make label' read"
	@echo "  PROCESSES=N       training processes (torchrun)           QUICK=1        short form of bench"
	@echo "  FONTS=DIR TEXT=FILE DATA=PATH MODE=$(MODE)   what finetune learns from, and the layers that learn"
	@echo "  ALONE=1           promote the tuned network by itself, without the general one beside it"
	@echo "  REPLAY=PATH GENERAL=PATH  its general lines: mixed in, judged by; SERVED=FILE  what promote replaces"
	@echo "  ARGS='key=value'  passed on to the stage                  PIP_ARGS=      e.g. --index-url of a CPU build of torch"

# ---- environment: remade only when pyproject.toml or the constraints change ------------------------------
.venv/base: pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PIP) -q -e .
	@touch $@

.venv/train: .venv/base
	$(PIP) -q -e '.[train]'
	@touch $@

.venv/dev: .venv/train
	$(PIP) -q -e '.[train,dev]'
	@touch $@

.venv/lm: .venv/base
	$(PIP) -q -e '.[lm]'
	@touch $@

.venv/docs: .venv/base
	$(PIP) -q -e '.[docs]'
	@touch $@

env: .venv/base ## environment for reading and serving
env-train: .venv/train ## environment for training
env-dev: .venv/dev ## environment for tests and lint
env-lm: .venv/lm ## KenLM, to read language models made with it (g++ and cmake compile it)

# ---- data ------------------------------------------------------------------------------------------------
fonts: .venv/train ## fetch fonts, check them against the charset
	$(PY) -m data.fonts profile=$(PROFILE) $(ARGS)

corpus: .venv/train ## fetch and clean text
	$(PY) -m data.corpus.build profile=$(PROFILE) $(ARGS)

data: .venv/train ## synthesize LINES lines into artifacts/lines/NAME
	$(PY) -m data.synthesis.build $(call given,name,NAME) profile=$(PROFILE) lines=$(LINES) seed=$(SEED) split=$(SPLIT) $(ARGS)

preview: .venv/train ## contact sheet of artifacts/lines/NAME
	$(PY) -m data.synthesis.preview $(call given,name,NAME) profile=$(PROFILE) $(ARGS)

import: .venv/train ## labeled lines from SOURCE= into artifacts/lines/NAME
	$(PY) -m data.converters.convert $(call given,source,SOURCE) $(call given,name,NAME) \
	    $(if $(START_MODEL),$(call given,start_model,START_MODEL)) $(ARGS)

label: .venv/train ## label the pictures of SOURCE= by what several readers agree on, into artifacts/labeled/NAME
	$(PY) -m data.labeling.label $(call given,source,SOURCE) $(call given,name,NAME) $(ARGS)

photographs: .venv/train ## fetch pictures free of text, by package name
	$(PY) -m data.synthesis.photographs $(ARGS)

pages: .venv/train ## render PAGES pages for the finder into artifacts/pages/NAME
	$(PY) -m data.synthesis.page_sets $(call given,name,NAME) profile=$(PROFILE) pages=$(PAGES) seed=$(SEED) split=$(SPLIT) $(ARGS)

lm: .venv/train ## character language model, from TEXT= or the corpus
	$(PY) -m crnn.language_model.build $(if $(TEXT),$(call several,text,TEXT)) $(ARGS)

data-stats: .venv/train ## histograms of DATASET=
	$(PY) -m data.stats.describe $(call given,dataset,DATASET) $(if $(START_MODEL),$(call given,start_model,START_MODEL)) $(ARGS)

# ---- model -----------------------------------------------------------------------------------------------
PROCESSES ?= 1
# A step takes and frees a hundred megabytes. glibc is told to keep them, in huge pages: to ask the kernel for zeroed pages
# each time took a sixth of the processor time.
MALLOC := glibc.malloc
KEEPING := GLIBC_TUNABLES=$(MALLOC).hugetlb=1:$(MALLOC).mmap_threshold=4294967296:$(MALLOC).trim_threshold=8589934592
LAUNCH = $(KEEPING) $(if $(filter 1,$(PROCESSES)),$(PY),$(BIN)/torchrun --standalone --nproc-per-node $(PROCESSES))

train: .venv/train ## train or resume artifacts/NAME
	$(LAUNCH) train.py $(call given,name,NAME) $(if $(START_MODEL),$(call given,start_model,START_MODEL)) $(ARGS)

TRAINED = artifacts/$(NAME)/checkpoint.pt
train-finder: .venv/train ## train or resume a finder of lines, artifacts/NAME, on the page sets of ARGS='pages.train=[…]'
	$(KEEPING) $(PY) train.py --config-name train_finder $(call given,name,NAME) $(if $(START_MODEL),$(call given,start_model,START_MODEL)) $(ARGS)

export: .venv/train ## artifacts/NAME/checkpoint.pt to model.onnx
	$(PY) export.py $(call given,checkpoint,TRAINED) $(ARGS)

EXPORTED = $(or $(MODEL),artifacts/$(NAME)/model.onnx)
quantize: .venv/train ## MODEL= to INT8, behind the gate; FINDER=1: a finder, by a folder of pages
	$(PY) quantize.py $(if $(FINDER),--config-name quantize_finder) $(call given,model,EXPORTED) $(call given,dataset,DATASET) $(ARGS)

evaluate: .venv/train ## accuracy and latency of MODEL= on DATASET=
	$(PY) evaluate.py $(call given,name,NAME) $(if $(MODEL),$(call given,model,MODEL)) $(call given,dataset,DATASET) $(ARGS)

# Compared: the run NAME or, where there is none, the shipped model; its FP32; every other mode of INT8, refused or not.
MADE  := artifacts/bench/models
ifndef QUICK
MODES := dynamic dynamic_rnn static
MADE_MODELS := $(MADE)/*.onnx
OTHER := MADE_MODELS
endif
FLOAT  = $(or $(wildcard $(dir $(MODEL))model.onnx),$(wildcard artifacts/$(NAME)/model.onnx),$(MADE)/model.onnx)
BENCH_MODEL = $(or $(MODEL),$(wildcard artifacts/$(NAME)/model.int8.onnx),models/crnn-zh-en.int8.onnx)
BENCH_LINES = $(or $(DATASET),artifacts/lines/validation)

bench: .venv/train ## in all modes beside Tesseract and the PP-OCR family (QUICK=1: the short form)
	rm -rf $(MADE)
	test -f $(call asis,FLOAT) || $(PY) export.py checkpoint=models/crnn-zh-en.fp16.pt $(call given,output,FLOAT)
	for mode in $(MODES); do $(PY) quantize.py $(call given,model,FLOAT) $(call given,dataset,BENCH_LINES) recipe.mode=$$mode gate.lines=200 \
	    output=$(MADE)/$$mode.onnx || true; done
	$(PY) evaluate.py --config-name $(if $(QUICK),bench_quick,bench) name=bench \
	    $(call given,model,BENCH_MODEL) $(call several,models,FLOAT $(OTHER)) $(call given,dataset,BENCH_LINES) $(ARGS)

PAGE_MODEL = $(or $(MODEL),models/crnn-zh-en.int8.onnx)
PAGE_SET = $(or $(DATASET),artifacts/pages/plain)
RAPIDOCR = $(shell sed -n 's/^ *package: \(rapidocr==.*\)$$/\1/p' configs/paddle/recognizers.yaml)
PAGE_ENGINES ?= [ours,rapidocr,rapidocr_tiny,tesseract]
bench-pages: .venv/train ## lines of the pages in DATASET= (rendered ones by default) found and read, beside other engines
	$(PY) -c 'import rapidocr' 2> /dev/null || $(PIP) -q $(RAPIDOCR)
	$(if $(DATASET),,test -d $(PAGE_SET) || $(PY) -m data.synthesis.benchmark_pages)
	$(PY) evaluate.py --config-name bench_pages $(call given,model,PAGE_MODEL) $(call given,pages,PAGE_SET) \
	    'engines=$(PAGE_ENGINES)' $(ARGS)

# ---- fine-tuning -----------------------------------------------------------------------------------------
# The file that the server reads with. Beside it stands the checkpoint that the next fine-tune starts from.
SERVED ?= $(or $(OCR_MODEL),models/crnn-zh-en.int8.onnx)
MODE   ?= full
finetune promote: NAME = finetune
finetune: PROCESSES = $(shell echo $$(($$(nproc) > 1 ? 2 : 1)))
START  = $(or $(START_MODEL),$(patsubst %.onnx,%.fp16.pt,$(SERVED:.int8.onnx=.onnx)))
TUNED  = artifacts/$(NAME)/model.onnx
GATE_LINES = artifacts/lines/$(NAME)-gate
# Experiments that fit what is given, one after the other.
TUNING = finetune$(if $(FONTS),$(if $(ALONE),,$(comma)finetune_fonts))$(if $(DATA),$(comma)finetune_labels)
OWN_LINES = artifacts/lines/$(NAME)-domain
REPLAYED = $(or $(REPLAY),artifacts/lines/$(NAME)-replay)

finetune: .venv/train ## fit the served model (or START_MODEL=) to FONTS=, TEXT=, DATA=; INT8, report, verdict
	ls artifacts/{fonts/*/fonts,corpus/*/corpus}.json > /dev/null 2>&1 || $(MAKE) fonts corpus PROFILE=quick ARGS=
	$(PY) -m data.finetuning.prepare $(call given,name,NAME) $(call given,start_model,START) $(call given,fonts,FONTS) \
	    $(call given,text,TEXT) $(call given,data,DATA) $(call given,replay,REPLAY) $(call given,general,GENERAL) $(DOMAIN_ARGS)
	$(LAUNCH) train.py '+experiment=[$(TUNING)]' $(call given,name,NAME) $(call given,start_model,START) trained_layers=$(MODE) \
	    $(call several,data.train,OWN_LINES REPLAYED) $(ARGS)
	$(PY) export.py $(call given,checkpoint,TRAINED)
	@# where INT8 does not pass the gate, the report says so and advises against promoting
	-$(PY) quantize.py $(call given,model,TUNED) $(call given,dataset,GATE_LINES)
	$(PY) -m crnn.finetuning.before_after $(call given,name,NAME) $(call given,served,SERVED) $(if $(ALONE),alone=true)

promote: .venv/train ## put artifacts/NAME into service if its report agrees (FORCE=1: whatever it says)
	$(PY) -m crnn.finetuning.promote --to $(call asis,SERVED) promote $(call asis,NAME) $(if $(FORCE),--force)

rollback: .venv/base ## swap the served model with the one before
	$(PY) -m crnn.finetuning.promote --to $(call asis,SERVED) rollback

# ---- the whole chain, small: a stranger's first command --------------------------------------------------
# Labeled lines to read at the end (TSV `file<TAB>text`); where there are none, lines in a face not trained on.
READ ?=
READ_LINES = $(or $(READ),artifacts/lines/quick-newfont)
QUICK_RUN := artifacts/quick

pipeline: .venv/train ## everything from nothing in minutes: data, training, INT8, report, readings
	$(MAKE) fonts corpus PROFILE=quick
	test -d artifacts/lines/quick-train || $(MAKE) data NAME=quick-train PROFILE=quick LINES=24000 SEED=1
	test -d artifacts/lines/quick-heldout || $(MAKE) data NAME=quick-heldout PROFILE=quick LINES=1000 SEED=2
	test -d artifacts/lines/quick-newfont || $(MAKE) data NAME=quick-newfont PROFILE=quick LINES=300 SEED=3 SPLIT=test \
	    ARGS="'test_groups={zh: [address, mixed], forms: [forms], en: [english]}'"
	$(MAKE) train NAME=quick PROCESSES=2 ARGS='+experiment=quick'
	$(MAKE) export NAME=quick
	@# where INT8 does not pass the gate on this processor, the report below still shows both
	-$(MAKE) quantize NAME=quick DATASET=artifacts/lines/quick-heldout
	$(PY) evaluate.py name=quick 'models=[$(QUICK_RUN)/model.onnx,$(QUICK_RUN)/model.int8*.onnx]' dataset=artifacts/lines/quick-heldout
	$(PY) -m crnn.evaluation.report.show $(QUICK_RUN)/model.int8*.onnx $(call asis,READ_LINES) 10

# ---- use -------------------------------------------------------------------------------------------------
serve: .venv/base ## page and HTTP API on PORT
	OCR_PORT=$(PORT) $(if $(MODEL),OCR_MODEL=$(call asis,MODEL)) $(PY) -m serve

test: .venv/dev ## all tests
	$(PY) -m pytest $(ARGS)

lint: .venv/dev ## ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/docs ## the documentation as a web site in artifacts/site, all links checked
	$(PY) docs/make_settings.py && $(PY) docs/make_api.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## remove runs and data, keep downloads
	find artifacts -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
