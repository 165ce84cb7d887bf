#include "tool/check/settings.hpp"

#include <gtest/gtest.h>

namespace {

using check::settings_of;

setup::Installed installed(setup::Parameters changed = {}) {
    setup::Installed made;
    made.version = {3, 7, 11};
    made.effective = {
        {"inet_interfaces", "all"},
        {"inet_protocols", "all"},
        {"myhostname", "me.test"},
        {"queue_directory", "/var/spool/postfix"},
        {"smtp_bind_address", ""},
        {"smtp_bind_address6", ""},
        {"smtp_helo_name", "helo.test"},
        {"smtp_tls_CAfile", "/etc/ssl/certs/ca-certificates.crt"},
        {"smtp_tls_CApath", ""},
        {"smtp_tls_exclude_ciphers", ""},
        {"smtp_tls_mandatory_ciphers", "medium"},
        {"smtp_tls_mandatory_exclude_ciphers", ""},
        {"smtp_tls_mandatory_protocols", ">=TLSv1"},
        {"smtp_tls_scert_verifydepth", "9"},
        {"tls_append_default_CA", "no"},
        {"tls_high_cipherlist", "aNULL:-aNULL:HIGH:@STRENGTH"},
        {"tls_medium_cipherlist", "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH"},
    };
    for (auto& [name, value] : changed) made.effective[name] = value;
    return made;
}

TEST(CheckSettings, OfMainCf) {
    const smtp::Settings made = settings_of(installed(), nullptr);
    EXPECT_EQ(made.helo_name, "helo.test");
    EXPECT_EQ(made.bind4, "");
    EXPECT_EQ(made.bind6, "");
    EXPECT_TRUE(made.v4 && made.v6);
    EXPECT_EQ(made.ca_file, "/etc/ssl/certs/ca-certificates.crt");
    EXPECT_FALSE(made.default_anchors);
    EXPECT_EQ(made.protocols, ">=TLSv1");
    EXPECT_EQ(made.cipher_list, "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH:!aNULL");
    EXPECT_EQ(made.servername, "hostname");
    EXPECT_EQ(made.port, 25);
}

TEST(CheckSettings, OfTheServiceThatDelivers) {
    const setup::Installed postfix = installed();
    setup::Service service;
    service.chroot = true;
    service.effective = installed({{"smtp_helo_name", "out.test"},
                                   {"smtp_bind_address", "192.0.2.7"},
                                   {"smtp_bind_address6", "[2001:db8::7]"},
                                   {"inet_protocols", "ipv4"},
                                   {"smtp_tls_CAfile", ""},
                                   {"smtp_tls_CApath", "/etc/certs"},
                                   {"tls_append_default_CA", "yes"},
                                   {"smtp_tls_mandatory_ciphers", "HIGH"},
                                   {"smtp_tls_exclude_ciphers", "RC4, aNULL"},
                                   {"smtp_tls_mandatory_exclude_ciphers", "SHA1"},
                                   {"smtp_tls_mandatory_protocols", ">=TLSv1.2"},
                                   {"smtp_tls_scert_verifydepth", "3"}})
                            .effective;
    const smtp::Settings made = settings_of(postfix, &service);
    EXPECT_EQ(made.helo_name, "out.test");
    EXPECT_EQ(made.bind4, "192.0.2.7");
    EXPECT_EQ(made.bind6, "2001:db8::7");
    EXPECT_TRUE(made.v4);
    EXPECT_FALSE(made.v6);
    EXPECT_EQ(made.ca_file, "");
    EXPECT_EQ(made.ca_folder, "/var/spool/postfix/etc/certs");
    EXPECT_TRUE(made.default_anchors);
    EXPECT_EQ(made.cipher_list, "aNULL:-aNULL:HIGH:@STRENGTH:!RC4:!aNULL:!SHA1:!aNULL");
    EXPECT_EQ(made.protocols, ">=TLSv1.2");
    EXPECT_EQ(made.verify_depth, 3);
    // What postconf could not expand for the service is taken from main.cf.
    service.effective.clear();
    EXPECT_EQ(settings_of(postfix, &service).helo_name, "helo.test");
}

TEST(CheckSettings, SendsFromTheOnlyInterface) {
    const auto from = [](const char* interfaces) {
        const smtp::Settings made = settings_of(installed({{"inet_interfaces", interfaces}}), nullptr);
        return made.bind4 + ' ' + made.bind6;
    };
    EXPECT_EQ(from("192.0.2.1"), "192.0.2.1 ");
    EXPECT_EQ(from("192.0.2.1, [2001:db8::1]"), "192.0.2.1 2001:db8::1");
    EXPECT_EQ(from("192.0.2.1 192.0.2.2"), " ");
    EXPECT_EQ(from("127.0.0.1, ::1"), " ");
    EXPECT_EQ(from("127.0.0.1, 192.0.2.1"), " ");
    EXPECT_EQ(from("loopback-only"), " ");
}

TEST(CheckSettings, WithoutPostfixHaveTheSystemsAnchors) {
    const smtp::Settings made = check::settings_without_postfix("here.test");
    EXPECT_EQ(made.helo_name, "here.test");
    EXPECT_TRUE(made.default_anchors);
    EXPECT_EQ(made.protocols, ">=TLSv1");
    EXPECT_EQ(check::settings_without_postfix("").helo_name, "localhost");
}

} // namespace
