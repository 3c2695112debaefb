# Everything a contributor runs, and everything that continuous integration runs.
#
# Flags can come from the environment: SWIFT, SWIFT_FLAGS (each build and test), TEST_ARGS (such as
# "--filter TimerTests"), TEST_TIMEOUT (seconds), BENCH_ARGS, FUZZ_SECONDS (each target) and
# FUZZ_TARGETS, and the sanitizers' own ASAN_OPTIONS and TSAN_OPTIONS, which are passed through.

SWIFT ?= swift
SWIFT_FLAGS ?=
TEST_ARGS ?=
TEST_TIMEOUT ?= 900
BENCH_ARGS ?=
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?=

# A test that never ends cannot end itself. `swift test` takes its test process along when it is
# interrupted, and only then; hence the signal.
BOUNDED := timeout --foreground --signal=INT --kill-after=30 $(TEST_TIMEOUT)
# The library under test is Swift Testing; without this flag XCTest reports "Executed 0 tests" as well.
# One test after the other: most drive a loop of their own, and on two cores a thousand at once leave
# some waiting for a thread of Swift's pool for longer than they are patient.
TEST := $(BOUNDED) $(SWIFT) test --disable-xctest --no-parallel $(SWIFT_FLAGS)
# Sanitised code is 5 to 20 times slower: fewer seeds; the plain runs try the thousand.
SANITIZED_SEEDS := ASYNCCORE_SEEDS=100
# Swift's own backtraces can wait for ever in a sanitised process; the sanitizers print stacks.
SANITIZED := SWIFT_BACKTRACE=enable=no $(SANITIZED_SEEDS) $(TEST)
# Undefined behaviour in the C sources is an illegal instruction, which AddressSanitizer reports.
UBSAN := -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined

# `swift run` cannot link statically.
BENCH_BUILD := -c release --static-swift-stdlib --package-path Benchmarks $(SWIFT_FLAGS)

SWIFT_FOLDERS := $(wildcard Sources Tests Examples Benchmarks Fuzzing)
DOCS := .build/documentation

CHECKS := check-format check-layers check-spi check-unsafe check-shortcuts check-size \
	check-c-warnings check-c-analyze check-build

.DEFAULT_GOAL := help
.PHONY: help build test test-release test-seeds test-asan test-tsan bench demo examples fuzz \
	fuzz-regress fuzz-merge check $(CHECKS) format docs clean

## help: list the targets
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | awk -F ': ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

## build: build the library (debug)
build:
	$(SWIFT) build $(SWIFT_FLAGS)

## test: run all tests (debug); TEST_ARGS="--filter Name" for some
test:
	$(TEST) $(TEST_ARGS)

## test-release: run all tests against optimised code
test-release:
	$(TEST) -c release -Xswiftc -enable-testing --scratch-path .build-release $(TEST_ARGS)

## test-seeds: run the matrix of primitives under 1,000 seeds each (optimised)
test-seeds:
	ASYNCCORE_SEEDS=1000 $(TEST) -c release -Xswiftc -enable-testing --scratch-path .build-release --filter PrimitiveMatrixTests

## test-asan: run all tests with the address, leak and (for C) undefined-behaviour sanitizers
test-asan:
	ASAN_OPTIONS="handle_sigill=1:$$ASAN_OPTIONS" $(SANITIZED) --sanitize=address $(UBSAN) --scratch-path .build-asan $(TEST_ARGS)

## test-tsan: run all tests with the thread sanitizer
test-tsan:
	$(SANITIZED) --sanitize=thread --scratch-path .build-tsan $(TEST_ARGS)

## bench: run the benchmarks (release); BENCH_ARGS go to the program
bench:
	$(SWIFT) build $(BENCH_BUILD)
	"$$($(SWIFT) build $(BENCH_BUILD) --show-bin-path)/asynccore-bench" $(BENCH_ARGS)

## demo: build and run the first example
demo:
	$(SWIFT) run $(SWIFT_FLAGS) quickstart

## examples: build every example, the plain C one too, and try each
examples:
	Tools/extract-snippets.sh Examples/Sources/documentation README.md docs/asyncio.md docs/scopes.md \
		docs/streams.md
	$(SWIFT) build --package-path Examples $(SWIFT_FLAGS)
	$(TEST) --package-path Examples
	$(MAKE) -C Examples/c-timer-echo
	Examples/smoke-test.sh \
		"$$($(SWIFT) build --package-path Examples $(SWIFT_FLAGS) --show-bin-path)"

## fuzz: look for inputs that crash, FUZZ_SECONDS a target, all or FUZZ_TARGETS="FuzzReader ..."
fuzz:
	SWIFT='$(SWIFT)' FUZZ_SECONDS=$(FUZZ_SECONDS) Fuzzing/fuzz.sh run $(FUZZ_TARGETS)

## fuzz-regress: try every input of the corpora once, under the address sanitizer
fuzz-regress:
	SWIFT='$(SWIFT)' Fuzzing/fuzz.sh regress $(FUZZ_TARGETS)

## fuzz-merge: take what fuzzing has found, and reaches new code, into the corpora
fuzz-merge:
	SWIFT='$(SWIFT)' Fuzzing/fuzz.sh merge $(FUZZ_TARGETS)

## check: all that can be checked without running; every check runs, also after one has failed
check:
	@$(MAKE) --no-print-directory --keep-going $(CHECKS)

$(filter-out check-build,$(CHECKS)):
	@SWIFT='$(SWIFT)' Tools/$@.sh

# The package turns every warning into an error.
check-build:
	@$(SWIFT) build --build-tests $(SWIFT_FLAGS)
	@echo 'ok    build'

## format: lay out the Swift sources as `make check` wants them
format:
	$(SWIFT) format --in-place --parallel Package.swift $$(find $(SWIFT_FOLDERS) \
		-name '.?*' -prune -o -name '*.swift' -print)

## docs: make the documentation in .build/documentation; a broken link is an error
docs:
	$(SWIFT) package dump-symbol-graph --minimum-access-level public
	rm -rf $(DOCS)
	$$(dirname $$(readlink -f $$(command -v $(SWIFT))))/docc convert $(wildcard Sources/AsyncCore/AsyncCore.docc) \
		--additional-symbol-graph-dir $$($(SWIFT) build --show-bin-path)/../symbolgraph \
		--fallback-display-name AsyncCore --fallback-bundle-identifier asynccore \
		--warnings-as-errors --output-path $(DOCS)

## clean: remove what was built
clean:
	rm -rf .build .build-* Examples/.build Benchmarks/.build Fuzzing/.build
	@if [ -f Examples/c-timer-echo/Makefile ]; then $(MAKE) -C Examples/c-timer-echo clean; fi
