#pragma once

#include <fstream>
#include <malloc.h>
#include <unistd.h>

namespace eigenbit::internal {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(EIGENBIT_IS_EMULATED)
inline constexpr bool kMeasuresMemory = false;  // that of the sanitizer, or of the emulator, grows
#else
inline constexpr bool kMeasuresMemory = true;
#endif

/// Of the process, without what the C library holds back.
inline double resident_megabytes() {
    ::malloc_trim(0);
    std::ifstream file("/proc/self/statm");
    long all = 0;
    long resident = 0;
    file >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

}  // namespace eigenbit::internal
