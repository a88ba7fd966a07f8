# The two everyday commands, and what stands behind them. The build itself is CMakeLists.txt with CMakePresets.json.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD = build/$(PRESET)
# Builds from scratch are the common case here; whoever edits configures by preset and gets a file at a time.
CONFIGURE = cmake --preset $(PRESET) -DQTK_UNITY=ON
PYTHON = .venv/bin/python
# The Python package is part of make test; under a sanitizer only where it is asked for (PACKAGE=ON).
PACKAGE ?= $(if $(filter release dev,$(PRESET)),ON,OFF)
# Peers of make bench; pytorch (5 GB) is measured where it is named.
PEERS ?= onnxruntime,openvino,onednn,eigen

.PHONY: help demo compare fashion-mnist build test bench bench-kernels report-check clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo          real prices to a trained, quantized, backtested model: out/us_daily/report.html'
	@echo 'make compare       float against int8 for several networks on daily and intraday prices (examples/compare.yaml names them)'
	@echo 'make fashion-mnist trains a residual network on images, quantizes it, and compares the two on the test images'
	@echo 'make test          builds and runs every test; PRESET=asan-ubsan or PRESET=tsan: under a sanitizer'
	@echo 'make build         only the program: build/release/quantick'
	@echo 'pip install .      the Python package, after `tools/bootstrap.sh build python`'
	@echo 'make bench         latencies, throughput and errors against peers: one table, and out/bench.json (PEERS=... chooses)'
	@echo 'make bench-kernels the benchmarks of single kernels and operators'
	@echo 'make report-check  opens the demo report in headless Chromium: screenshots, errors, network requests'
	@echo 'make clean         removes build and out (.venv, .venv-bench and .cache stay)'
	@echo 'All of them install missing Debian packages where they may, and say what is missing where they may not.'

demo: build
	@tools/bootstrap.sh demo
	@tools/venv.sh
	@$(PYTHON) tools/fetch_demo_data.py
	$(BUILD)/quantick run examples/us_daily.yaml

compare: build
	$(BUILD)/quantick compare examples/compare.yaml

fashion-mnist:
	@tools/bootstrap.sh build fashion-mnist
	@$(CONFIGURE)
	@cmake --build $(BUILD) --parallel $(JOBS) --target quantick_fashion_mnist
	$(BUILD)/quantick_fashion_mnist

build:
	@tools/bootstrap.sh build
	@$(CONFIGURE)
	@cmake --build $(BUILD) --parallel $(JOBS) --target quantick

test:
	@tools/bootstrap.sh build test $(if $(filter ON,$(PACKAGE)),python)
	@package=-DQTK_PYTHON=OFF; if [ $(PACKAGE) = ON ] && tools/venv.sh tools/requirements-python.txt; then \
	  package="-DQTK_PYTHON=ON -DPython_EXECUTABLE=$(CURDIR)/$(PYTHON)"; fi; \
	  $(CONFIGURE) -DQTK_TESTS=ON $$package
	@cmake --build $(BUILD) --parallel $(JOBS)
	@python3 tools/run_tests.py --preset $(PRESET) --jobs $(JOBS)

bench:
	@tools/bootstrap.sh build bench
	@cmake --preset bench
	@cmake --build build/bench --parallel $(JOBS) --target quantick_bench ops_bench quantick
	@tools/venv.sh tools/requirements-bench.txt .venv-bench || true
	@case "$(PEERS)" in *pytorch*) tools/venv.sh tools/requirements-bench-pytorch.txt .venv-bench || true;; esac
	@python3 tools/bench.py --peers "$(PEERS)" --markdown out/bench.md $(BENCH_OPTIONS)

bench-kernels:
	@tools/bootstrap.sh build bench
	@cmake --preset bench
	@cmake --build build/bench --parallel $(JOBS)
	@for program in build/bench/*_bench; do \
	  case $$program in */quantick_bench) continue;; esac; \
	  echo "== $$program"; $$program || exit 1; \
	done

report-check:
	@tools/bootstrap.sh report
	@python3 tools/report_check.py out/us_daily/report.html --screenshots out/us_daily/screenshots

clean:
	rm -rf build out
