// All names of unit tests are in one style: UpperCamelCase, without underscores.
#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace {

bool is_upper_camel_case(const std::string& name) {
    return !name.empty() && std::isupper(static_cast<unsigned char>(name[0])) != 0 &&
           name.find('_') == std::string::npos;
}

/// The name without what gtest adds before and after it for tests with parameters.
std::string own_name(std::string name, bool suite) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) return name;
    return suite ? name.substr(slash + 1) : name.substr(0, slash);
}

TEST(TestNames, AreInOneStyle) {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
        const testing::TestSuite& suite = *all.GetTestSuite(i);
        EXPECT_TRUE(is_upper_camel_case(own_name(suite.name(), true))) << suite.name();
        for (int k = 0; k < suite.total_test_count(); ++k) {
            const std::string name = suite.GetTestInfo(k)->name();
            EXPECT_TRUE(is_upper_camel_case(own_name(name, false))) << suite.name() << '.' << name;
        }
    }
    EXPECT_FALSE(is_upper_camel_case("no_capital") || is_upper_camel_case("noCapital") ||
                 is_upper_camel_case("With_underscore") || is_upper_camel_case(""));
}

} // namespace
