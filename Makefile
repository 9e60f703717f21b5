# Everything a developer types. `make demo` and `make test` do all that a fresh Debian 12 machine needs.

BUILD    := build
PACKAGES := g++ make meson ninja-build pkg-config ca-certificates clang-format \
            libopenblas-dev liblapacke-dev libtbb-dev libfmt-dev libcli11-dev nlohmann-json3-dev libstb-dev zlib1g-dev \
            libonnx-dev libprotobuf-dev protobuf-compiler doctest-dev libbenchmark-dev libzstd-dev libzip-dev \
            dataset-fashion-mnist

.PHONY: build configure deps demo test test-aarch64 bench bench-peers exporters fuzz robustness sanitize sanitize-threads \
        packages docs format format-check clean

build: configure
	@ninja -C $(BUILD)

configure: deps
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)

# Asks apt only for what is missing.
deps:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	    sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi

demo: configure
	@ninja -C $(BUILD) eigenbit
	@./demo.sh $(BUILD)

# The ONNX standard's own tests are made by python3-onnx.
test: PACKAGES += python3-onnx
test: build
	@tests/run $(BUILD)

# Builds libeigenbit and its tests for another architecture, and runs them under an emulator.
test-aarch64: PACKAGES += g++-aarch64-linux-gnu qemu-user
test-aarch64: deps
	@tests/aarch64/run $(BUILD)-aarch64

bench: build
	@$(BUILD)/bench/kernels-bench
	@$(BUILD)/bench/integer-kernels-bench
	@$(BUILD)/bench/coding-bench

# Installs ONNX Runtime, oneDNN and PyTorch and compares; about an hour.
bench-peers: build
	@bench/peers/run $(BUILD)

# Exports networks with two versions of PyTorch and reads them; hours.
exporters: PACKAGES += python3-torch python3-venv
exporters: build
	@tests/exporters/run $(BUILD)

# FUZZ_INPUTS says how many.
fuzz: PACKAGES += clang libclang-rt-14-dev
fuzz: deps
	@tests/fuzz/run $(or $(FUZZ_INPUTS),20000)

# Kills, full disks and cut inputs, forty times each verb; some ten minutes. Tests do it three times.
robustness: build
	@tests/robustness/run $(BUILD) 40

# All tests with AddressSanitizer and UndefinedBehaviorSanitizer; about half an hour.
sanitize: deps
	@test -f $(BUILD)-sanitized/build.ninja || meson setup $(BUILD)-sanitized -Db_sanitize=address,undefined \
	    -Db_lundef=false -Doptimization=1 -Ddebug=true -Dwerror=false
	@ninja -C $(BUILD)-sanitized
	@tests/run $(BUILD)-sanitized

# The tests of the libraries, the engine and training with ThreadSanitizer, and 10,000 loads of a model in 8 threads.
sanitize-threads: PACKAGES += dpkg-dev
sanitize-threads: deps
	@tests/threads/run $(BUILD)-threads

# Debian's packages of the last commit, in build-debian/.
packages: PACKAGES += debhelper dpkg-dev lintian
packages: deps
	@packaging/build-debian $(BUILD)-debian

# Pages of the public interface, in build-docs/html; undocumented functions are errors.
docs: PACKAGES += doxygen
docs: deps
	@doxygen docs/Doxyfile
	@echo "$(CURDIR)/build-docs/html/index.html"

format:
	@git ls-files '*.h' '*.hpp' '*.c' '*.cpp' | xargs clang-format -i

format-check:
	@git ls-files '*.h' '*.hpp' '*.c' '*.cpp' | xargs clang-format --dry-run --Werror

clean:
	@rm -rf $(BUILD)
