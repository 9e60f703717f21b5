#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

// The rooms of docs/architecture.md, and that includes go one way between them.

namespace {

/// A room, and those that it takes with all that they take.
const std::map<std::string, std::vector<std::string>> kRooms{
    {"include/eigenbit", {}},
    {"engine/base", {}},
    {"engine/kernels", {"engine/base"}},
    {"engine/weights", {"engine/kernels"}},
    {"engine/ops", {"engine/kernels"}},
    {"engine/coding", {"engine/weights"}},
    {"engine/graph", {"engine/weights", "engine/ops"}},
    {"engine/passes", {"engine/graph"}},
    {"engine/executor", {"engine/passes"}},
    {"engine/program", {"engine/passes"}},
    {"engine/formats", {"engine/passes", "engine/coding"}},
    {"engine/zoo", {"engine/graph"}},
    {"compress", {"engine/executor", "engine/formats"}},
    {"datasets", {"engine/formats"}},
    {"evaluation", {"datasets", "engine/executor", "engine/program"}},
    {"report", {"engine/formats"}},
    {"train", {"evaluation", "engine/coding"}},
    {"api", {"include/eigenbit", "train", "compress", "report", "engine/zoo"}},
    {"cli", {"include/eigenbit"}},
};

/// "engine/base" of "engine/base/tensor.h"; empty where no room has this path.
std::string room_of(const std::string& path) {
    const auto room = std::ranges::find_if(kRooms, [&](const auto& r) { return path.starts_with(r.first + "/"); });
    return room == kRooms.end() ? "" : room->first;
}

std::set<std::string> reach(const std::string& room) {
    std::set<std::string> rooms{room};
    for (const std::string& taken : kRooms.at(room)) rooms.merge(reach(taken));
    return rooms;
}

/// The paths between quotes behind #include.
std::vector<std::string> includes_of(const std::filesystem::path& file) {
    std::vector<std::string> result;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        constexpr std::string_view kInclude = "#include \"";
        if (line.starts_with(kInclude))
            result.push_back(line.substr(kInclude.size(), line.rfind('"') - kInclude.size()));
    }
    return result;
}

}  // namespace

TEST_CASE("includes go one way between the rooms") {
    const std::filesystem::path root = EIGENBIT_SOURCE_ROOT;
    int files = 0;
    for (const std::string folder :
         {"include", "engine", "compress", "datasets", "evaluation", "report", "train", "api", "cli"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            const std::string path = std::filesystem::relative(entry.path(), root).string();
            if (!path.ends_with(".cpp") && !path.ends_with(".h") && !path.ends_with(".hpp")) continue;
            ++files;
            CAPTURE(path);
            const std::string room = room_of(path);
            REQUIRE_MESSAGE(!room.empty(), "the file lies in no room");
            const std::set<std::string> allowed = reach(room);
            for (const std::string& included : includes_of(entry.path())) {
                if (included.find('/') == std::string::npos) continue;  // a neighbour
                CHECK_MESSAGE(allowed.contains(room_of(included)), "includes " << included);
            }
        }
    }
    CHECK(files > 300);
}

TEST_CASE("the command is less than 2,500 lines: what it does is the library's") {
    std::ptrdiff_t lines = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::string(EIGENBIT_SOURCE_ROOT) + "/cli")) {
        if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
        std::ifstream stream(entry.path());
        lines += std::count(std::istreambuf_iterator<char>(stream), {}, '\n');
    }
    CHECK(lines > 1000);
    CHECK(lines < 2500);
}
