#include "engine/graph/preprocessing.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <limits>

using namespace eigenbit::internal;

TEST_CASE("preprocessing that says nothing, or one value a channel, is valid") {
    CHECK_NOTHROW(validate({}, "file"));
    CHECK_NOTHROW(validate({.height = 32, .width = 48, .mean = {0.1F, 0.2F, 0.3F}, .std = {1.0F / 255.0F}}, "file"));
}

TEST_CASE("preprocessing that cannot be is refused, saying where it came from and what was expected") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for (const Preprocessing& wrong : {Preprocessing{.channels = 2},
                                       {.resize = -1},
                                       {.resize = 1 << 20},
                                       {.height = 5},
                                       {.height = -5, .width = -5},
                                       {.fit = Fit::stretch},
                                       {.resize = 8, .height = 8, .width = 8, .fit = Fit::cover},
                                       {.mean = {}},
                                       {.mean = {0.0F, 0.0F}},
                                       {.mean = {nan}},
                                       {.std = {1.0F, 1.0F, 0.0F}},
                                       {.std = {-1.0F}},
                                       {.std = {infinity}},
                                       {.channels = 1, .std = {1.0F, 1.0F, 1.0F}}}) {
        const std::string sentence = error_of([&] { validate(wrong, "net.ebit"); });
        CHECK(sentence.starts_with("net.ebit: "));
        CHECK(sentence.find("expected") != std::string::npos);
    }
}
