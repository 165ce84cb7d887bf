// Ports by name, from a file like /etc/services.
#include "daemon/service_names.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace {

TEST(ServiceNames, AreReadFromTheFile) {
    const test::TempFolder folder;
    const auto path = folder.path() / "services";
    std::ofstream(path) << "relay-in\t2500/tcp\n";
    EXPECT_EQ(app::read_services(path.string())->port("relay-in"), 2500);
    EXPECT_EQ(app::read_services(path.string())->port("submission"), 587);
}

TEST(ServiceNames, WithoutAFileThoseOfPostfixAreLeft) {
    for (const char* path : {"/nonexistent/services", "/"}) {
        EXPECT_EQ(app::read_services(path)->port("smtp"), 25) << path;
        EXPECT_EQ(app::read_services(path)->port("relay-in"), 0) << path;
    }
}

} // namespace
