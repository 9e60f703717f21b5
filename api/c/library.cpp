#include "api/c/errors.h"
#include "engine/kernels/cpu.h"

using namespace eigenbit::internal;

const char* eigenbit_version(void) { return EIGENBIT_VERSION; }

int32_t eigenbit_version_number(void) { return EIGENBIT_VERSION_NUMBER; }

const char* eigenbit_cpu(void) {
    return pointer_or_null([] { return active_cpu_implementation().name; });
}

const char* eigenbit_cpu_name(size_t index) {
    return index < cpu_implementations().size() ? cpu_implementations()[index].name : nullptr;
}

int eigenbit_cpu_is_supported(size_t index) {
    return index < cpu_implementations().size() && cpu_implementations()[index].supported ? 1 : 0;
}
