#include "report/number_text.h"

#include <doctest/doctest.h>

#include <limits>

using namespace eigenbit::internal;

TEST_CASE("numbers have a true minus sign, no negative zero, and a dash for the unknown") {
    CHECK(fixed_text(-1.25, 1) == "−1.2");
    CHECK(fixed_text(-0.04, 1) == "0.0");
    CHECK(fixed_text(3.0, 0) == "3");
    CHECK(fixed_text(std::numeric_limits<double>::quiet_NaN(), 2) == "–");
    CHECK(fixed_text(-std::numeric_limits<double>::infinity(), 2) == "–");
    CHECK(change_text(0.26, 1) == "+0.3");
    CHECK(change_text(-0.26, 1) == "−0.3");
    CHECK(change_text(0.0, 1) == "0.0");
    CHECK(change_text(0.04, 1) == "0.0");
}

TEST_CASE("three significant digits are kept at every size") {
    CHECK(significant_text(0.0) == "0");
    CHECK(significant_text(12345.6) == "12346");
    CHECK(significant_text(1.234) == "1.23");
    CHECK(significant_text(0.012345) == "0.0123");
    CHECK(significant_text(9.996) == "10.0");
    CHECK(significant_text(-3.214e-6) == "−3.21·10⁻⁶");
    CHECK(significant_text(1.5e12) == "1.50·10¹²");
}

TEST_CASE("counts have commas and bytes have units of a thousand") {
    CHECK(count_text(0) == "0");
    CHECK(count_text(999) == "999");
    CHECK(count_text(1000) == "1,000");
    CHECK(count_text(1234567) == "1,234,567");
    CHECK(bytes_text(999) == "999 bytes");
    CHECK(bytes_text(1000) == "1.00 kB");
    CHECK(bytes_text(69214) == "69.2 kB");
    CHECK(bytes_text(123456) == "123 kB");
    CHECK(bytes_text(1096712) == "1.10 MB");
    CHECK(bytes_text(999999) == "1.00 MB");
}
