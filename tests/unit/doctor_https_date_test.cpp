// Reading a policy host's clock.
#include "tool/doctor/https_date.hpp"

#include "fetch/http_reader.hpp"
#include "support/fetch_world.hpp"

#include <boost/asio/co_spawn.hpp>

#include <gtest/gtest.h>

namespace {

using doctor::parse_http_date;

TEST(HttpDate, ReadsTheOneFormThatIsSent) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")->time_since_epoch().count(), 784111777);
    EXPECT_EQ(parse_http_date(" Thu, 01 Jan 1970 00:00:00 GMT ")->time_since_epoch().count(), 0);
    for (const char* text :
         {"", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nvo 1994 08:49:37 GMT",
          "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
          "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT"})
        EXPECT_FALSE(parse_http_date(text)) << text;
}

/// A host with a given response, asked in doctor's way.
class HttpsDate : public testing::Test {
protected:
    HttpsDate() {
        resolver.set("mta-sts.example.com", {"127.0.0.1"});
        limits.allow_private_addresses = true;
        limits.timeout = std::chrono::milliseconds{5000};
    }
    std::optional<base::Instant> asked(const std::string& response, test::Script script = {}) {
        script.response = response;
        test::TlsServer server(test::ca().leaf({"other.example"}), script);
        limits.port = server.port();
        std::optional<base::Instant> date;
        boost::asio::co_spawn(io,
                              doctor::https_date(io.get_executor(), resolver, "mta-sts.example.com", limits),
                              [&](std::exception_ptr error, std::optional<base::Instant> theirs) {
                                  if (error) std::rethrow_exception(error);
                                  date = theirs;
                              });
        const auto begin = std::chrono::steady_clock::now();
        io.restart();
        io.run_for(std::chrono::seconds{20});
        took = std::chrono::steady_clock::now() - begin;
        connections = server.connections();
        return date;
    }

    boost::asio::io_context io{1};
    test::AddressResolver resolver;
    doctor::DateLimits limits;
    std::chrono::steady_clock::duration took{};
    std::size_t connections = 0;
};

const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST_F(HttpsDate, IsReadFromAnyHead) {
    EXPECT_TRUE(asked("HTTP/1.1 200 OK\r\nServer: x\r\ndate: " + date + "\r\n\r\nbody"));
    EXPECT_TRUE(asked("HTTP/1.1 404 Gone\nDate: " + date + "\n\n"));
    EXPECT_TRUE(asked("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 301 x\r\nDate: " + date + "\r\n\r\n"));
    EXPECT_FALSE(asked("HTTP/1.1 200 OK\r\n\r\nDate: " + date + "\r\n")) << "that is the body";
    EXPECT_FALSE(asked("HTTP/1.1 200 OK\r\nDate: " + date)) << "the line may go on";
    EXPECT_FALSE(asked(""));
}

TEST_F(HttpsDate, ConnectsToPublicAddressesOnly) {
    limits.allow_private_addresses = false;
    const std::string good = "HTTP/1.1 200 OK\r\nDate: " + date + "\r\n\r\n";
    for (const char* address : {"127.0.0.1", "::ffff:127.0.0.1", "::1", "64:ff9b::127.0.0.1"}) {
        resolver.set("mta-sts.example.com", {address});
        EXPECT_FALSE(asked(good)) << address;
        EXPECT_EQ(connections, 0u) << address;
    }
    resolver.set("ipv4only.arpa", {"fd64::192.0.0.170"});
    resolver.set("mta-sts.example.com", {"fd64::127.0.0.1"});
    EXPECT_FALSE(asked(good));
    EXPECT_EQ(resolver.asked().back(), "mta-sts.example.com");
}

TEST_F(HttpsDate, EndsWhenItsTimeOrItsOctetsAreOver) {
    limits.timeout = std::chrono::milliseconds{200};
    test::Script script;
    script.per_octet = std::chrono::milliseconds{20};
    EXPECT_FALSE(asked("HTTP/1.1 200 OK\r\nDate: " + date + "\r\n\r\n", script));
    EXPECT_LT(took, std::chrono::seconds{3});
    script = {};
    script.silent = true;
    EXPECT_FALSE(asked("", script));
    EXPECT_LT(took, std::chrono::seconds{3});
    resolver.slow("mta-sts.example.com", dns::Type::a, std::chrono::milliseconds{300});
    EXPECT_FALSE(asked("HTTP/1.1 200 OK\r\nDate: " + date + "\r\n\r\n"));
    limits.timeout = std::chrono::milliseconds{5000};
    EXPECT_FALSE(asked("HTTP/1.1 200 OK\r\n" + std::string(fetch::max_head, 'x')));
    std::string endless;
    while (endless.size() <= fetch::max_wire)
        endless += "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(60000, 'x') + "\r\n\r\n";
    EXPECT_FALSE(asked(endless + "HTTP/1.1 200 OK\r\nDate: " + date + "\r\n\r\n"));
}

} // namespace
