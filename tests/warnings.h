#pragma once

#include "engine/base/warning.h"

#include <mutex>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Collects the warnings of its scope.
class Warnings {
  public:
    Warnings() {
        collected().clear();
        listen_to_warnings([](std::string_view, std::string_view sentence) {
            static std::mutex mutex;
            const std::lock_guard lock(mutex);
            collected().emplace_back(sentence);
        });
    }
    Warnings(const Warnings&) = delete;
    Warnings& operator=(const Warnings&) = delete;
    ~Warnings() { listen_to_warnings(nullptr); }

    /// What was said since the last call, sentence after sentence.
    std::string take() const {
        std::string text;
        for (const std::string& sentence : collected()) text += sentence + "\n";
        collected().clear();
        return text;
    }

  private:
    static std::vector<std::string>& collected() {
        static std::vector<std::string> sentences;
        return sentences;
    }
};

}  // namespace eigenbit::internal
