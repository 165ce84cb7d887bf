#include "base/version.hpp"
#include "fetch/request.hpp"

#include <gtest/gtest.h>

namespace {

using boost::asio::ip::make_address;

TEST(Proxy, IsAUrlWithAPort) {
    const auto name = fetch::parse_proxy("http://Proxy.Example.net:3128");
    ASSERT_TRUE(name) << name.error();
    EXPECT_EQ(name->host, "proxy.example.net");
    EXPECT_EQ(name->port, 3128);
    EXPECT_FALSE(name->address);
    EXPECT_EQ(fetch::parse_proxy("http://127.0.0.1:80/")->address, make_address("127.0.0.1"));
    EXPECT_EQ(fetch::parse_proxy("http://[::1]:80")->address, make_address("::1"));
    EXPECT_EQ(fetch::parse_proxy("http://proxy.:1")->host, "proxy");
    for (const char* bad :
         {"", "proxy:3128", "https://p:1", "http://p", "http://p:", "http://p:0", "http://p:65536",
          "http://p:80x", "http://:80", "http://u:w@p:80", "http://[::1:80", "http://[x]:80", "http://p:80/x",
          "http://a b:80", "http://p\r\nX:80"})
        EXPECT_FALSE(fetch::parse_proxy(bad)) << bad;
}

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
