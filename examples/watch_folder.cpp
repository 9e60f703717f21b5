// Watches a folder and names what the pictures in it show, those that come later too.
//   watch_folder NETWORK.ebit FOLDER [SECONDS]
//
// With SECONDS it ends after so many, else when it is stopped.
//
// Build: c++ -std=c++20 watch_folder.cpp $(pkg-config --cflags --libs eigenbit-train) -o watch_folder
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <eigenbit/eigenbit.hpp>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

bool is_picture(const fs::path& file) {
    const std::string extension = file.extension().string();
    return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".bmp";
}

void name(eigenbit::Session& session, const fs::path& file) {
    try {
        const eigenbit::Score best = session.classify(eigenbit::read_image(file.string())).front();
        std::printf("%s: %s\n", file.filename().c_str(), best.name.empty() ? "?" : best.name.c_str());
    } catch (const eigenbit::Error& error) {
        std::printf("%s: %s\n", file.filename().c_str(), error.what());
    }
    std::fflush(stdout);
}

/// Names pictures once they have stayed the same for a round: those that are being written are not whole yet.
void watch(eigenbit::Session& session, const fs::path& folder, Clock::time_point end) {
    struct Seen {
        std::uintmax_t bytes = 0;
        fs::file_time_type time{};
        bool is_named = false;
    };
    std::map<fs::path, Seen> pictures;
    while (Clock::now() < end) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            if (!entry.is_regular_file() || !is_picture(entry.path())) continue;
            Seen& seen = pictures[entry.path()];
            const Seen now{entry.file_size(), entry.last_write_time()};
            if (now.bytes != seen.bytes || now.time != seen.time) {
                seen = now;
            } else if (!seen.is_named) {
                name(session, entry.path());
                seen.is_named = true;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) throw eigenbit::Error("watch_folder NETWORK.ebit FOLDER [SECONDS]");
    eigenbit::Session session(eigenbit::PackedModel(argv[1]), {.threads = 1});
    const auto end = argc > 3 ? Clock::now() + std::chrono::seconds(std::atoi(argv[3])) : Clock::time_point::max();
    watch(session, argv[2], end);
} catch (const std::exception& error) {
    std::fprintf(stderr, "watch_folder: %s\n", error.what());
    return 1;
}
