#include "sts/response.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using base::Reason;
using Fields = std::vector<std::string_view>;

void judged(unsigned status, const Fields& type, const Fields& encoding, Reason want) {
    const Reason got = sts::judge({status, type, encoding});
    EXPECT_EQ(base::to_string(got), base::to_string(want))
        << status << " " << (type.empty() ? "no type" : type.front());
}

void type(std::string_view field, Reason want) { judged(200, {field}, {}, want); }

TEST(Judge, Takes200Only) {
    const Fields plain{"text/plain"};
    judged(200, plain, {}, Reason::none);
    for (unsigned status :
         {201u, 202u, 203u, 204u, 206u, 226u, 0u, 199u, 400u, 403u, 404u, 500u, 503u, 599u, 999u})
        judged(status, plain, {}, Reason::http_status);
    for (unsigned status : {300u, 301u, 302u, 303u, 304u, 307u, 308u, 399u})
        judged(status, plain, {}, Reason::http_redirect); // never followed; 304 would be HTTP caching
}

TEST(Judge, TakesPlainText) {
    type("text/plain", Reason::none);
    type("TEXT/Plain", Reason::none);
    type("text/plain;charset=utf-8", Reason::none);
    type("text/plain ; charset=iso-8859-1", Reason::none); // parameters are ignored
    type(" text/plain\t", Reason::none);
    type("text/plain;", Reason::none);
    type("text/plain; x=\"a,b\"", Reason::none); // a comma in quotes makes no list
    type("text/plain; x=\"a\\\",b\"", Reason::none);
    type("text/plain, text/plain; charset=utf-8", Reason::none);
    type("text/plain; x=\"a,b\", text/plain; y=\",\"", Reason::none);
    type(",text/plain,,", Reason::none);
    type("text/plain; charset=\"utf-8", Reason::none); // never closed: no quoted-string
    type("text/plain; x=\"a, text/html", Reason::http_media_type);
    type("text/plain; x=\"a\\\", text/html", Reason::http_media_type);
    type("text/plain; x=\"a\", text/html; y=\"b\"", Reason::http_media_type);
    type("text/plain; x=\",\", text/html", Reason::http_media_type);
    type("\"text/plain\"", Reason::http_media_type);
    type(";charset=utf-8", Reason::http_media_type);
    type(",", Reason::http_media_type);
    type("", Reason::http_media_type);
    type("text", Reason::http_media_type);
    type("text/", Reason::http_media_type);
    type("text/html", Reason::http_media_type);
    type("text/plainx", Reason::http_media_type);
    type("text / plain", Reason::http_media_type);
    type("text/plain charset=utf-8", Reason::http_media_type);
    type("application/octet-stream+text/plain", Reason::http_media_type);
    type("text/html; text/plain", Reason::http_media_type);
    type("text/plain, text/html", Reason::http_media_type);
    type("text/html, text/plain", Reason::http_media_type);
    type("text/plain; charset=utf-8, text/html", Reason::http_media_type);
    judged(200, {}, {}, Reason::http_media_type); // section 3.2 requires one
    // Given twice or as a list: accepted if all say the same, so that it does not matter which one a reader
    // uses.
    judged(200, {"text/plain", "text/plain"}, {}, Reason::none);
    judged(200, {"text/plain", "TEXT/plain; charset=utf-8", " text/plain,text/plain "}, {}, Reason::none);
    judged(200, {"text/plain", ""}, {}, Reason::none);
    judged(200, {"", " ,"}, {}, Reason::http_media_type);
    judged(200, {"text/plain", "text/html"}, {}, Reason::http_media_type);
    judged(200, {"text/html", "text/plain"}, {}, Reason::http_media_type);
    judged(200, {"text/plain", "text/plain, text/html"}, {}, Reason::http_media_type);
    judged(200, {"text/plain; x=\"", "\"text/html"}, {}, Reason::http_media_type);
}

TEST(Judge, TakesIdentityOnly) {
    const auto encoding = [](const Fields& fields, Reason want) {
        judged(200, {"text/plain"}, fields, want);
    };
    encoding({}, Reason::none);
    encoding({""}, Reason::none);
    encoding({"identity"}, Reason::none);
    encoding({"Identity "}, Reason::none);
    encoding({"identity, identity"}, Reason::none);
    encoding({"gzip"}, Reason::http_encoding);
    encoding({"br"}, Reason::http_encoding);
    encoding({"identity, gzip"}, Reason::http_encoding);
    encoding({"gzip,"}, Reason::http_encoding);
    encoding({"identity", "deflate"}, Reason::http_encoding);
}

} // namespace
