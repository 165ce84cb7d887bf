#include "base/version.hpp"
#include "fetch/request.hpp"

#include <gtest/gtest.h>

namespace {

TEST(Request, IsTheOneOfTheRfc) {
    const std::string version(base::version());
    EXPECT_EQ(fetch::policy_request("mta-sts.example.com"),
              "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\nUser-Agent: "
              "stsmapd/" +
                  version +
                  "\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(fetch::connect_request("mta-sts.example.com", 443),
              "CONNECT mta-sts.example.com:443 HTTP/1.1\r\nHost: mta-sts.example.com:443\r\nUser-Agent: "
              "stsmapd/" +
                  version + "\r\n\r\n");
}

} // namespace
