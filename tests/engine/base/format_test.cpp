#include "engine/base/format.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace eigenbit::internal;

TEST_CASE("texts are formatted alike with plain arguments and with others") {
    CHECK(formatted("no argument") == "no argument");
    CHECK(formatted("") == "");
    CHECK(formatted("{}", std::string("text")) == "text");
    CHECK(formatted("{}:{}, {}", "a", std::string_view("b"), std::numeric_limits<int>::min()) == "a:b, -2147483648");
    CHECK(formatted("{}{}", std::numeric_limits<long long>::min(), std::numeric_limits<unsigned long long>::max())
          == "-922337203685477580818446744073709551615");
    CHECK(formatted("{} and {}", 1, 0.5) == "1 and 0.5");
    CHECK(formatted("{} {} {}", true, 'c', 2.0F) == "true c 2");
    CHECK(formatted("{{{}}}", "braces") == "{braces}");
    CHECK(formatted("{}{:>4}{:.2f}", 1, 2, 0.125) == "1   20.12");
}
