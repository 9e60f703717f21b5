#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Images with their classes, as a table lists them.
struct LabelList {
    struct Row {
        int line = 0;  ///< of the table, counted from 1
        std::string file;
        int label = 0;
    };

    std::vector<Row> rows;
    int class_count = 0;
    std::vector<std::string> classes{};  ///< names, none where they are numbers
};

/// Reads lines `file,class`. Spaces around both, quotes, a byte-order mark, and a first line that names the columns are
/// no part of them. Classes are all numbers, or all names, which then count in their order. Throws Error, which calls
/// the table `name`, with the line that is wrong.
LabelList parse_label_list(std::string_view text, std::string_view name);

/// Reads a first line `filename,class,class…` and lines of a file with a 1 for its class and 0 for the others, as
/// labelling tools export them. Throws Error likewise, and where an image has no class or several.
LabelList parse_class_table(std::string_view text, std::string_view name);

}  // namespace eigenbit::internal
