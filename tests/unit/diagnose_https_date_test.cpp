// What time a policy host has.
#include "diagnose/https_date.hpp"

#include <gtest/gtest.h>

namespace {

using diagnose::date_of_response;
using diagnose::parse_http_date;

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

TEST(HttpDate, IsFoundInAHead) {
    const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
    EXPECT_TRUE(date_of_response("HTTP/1.1 200 OK\r\nServer: x\r\ndate: " + date + "\r\n\r\nbody"));
    EXPECT_FALSE(date_of_response("HTTP/1.1 200 OK\r\n\r\nDate: " + date + "\r\n")) << "that is the body";
    EXPECT_FALSE(date_of_response("HTTP/1.1 200 OK\r\nDate: " + date)) << "the line may go on";
    EXPECT_FALSE(date_of_response(""));
}

} // namespace
