// Which element may be written, which leads nowhere, which table answers for everything.
#include "tool/setup/plan_reach.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using setup::Contacts;
using setup::Plan;
using setup::Reached;
using setup::Remark;
using setup::Way;
using Kind = Reached::Kind;
using testing::HasSubstr;

const std::string queue = "/var/spool/postfix";
const std::string ours = "socketmap:unix:stsmapd/socketmap:sts";
const Way chrooted{"postfix", queue}, outside{"postfix", ""};

/// The answers of a Debian host; each test changes some.
struct Asked {
    setup::Installed postfix;
    setup::Surroundings around;
    setup::Wishes wishes;
    Plan plan;

    explicit Asked(const std::string& maps, bool root = true) {
        postfix.effective = {
            {"queue_directory", queue}, {"mail_owner", "postfix"}, {"smtp_tls_policy_maps", maps}};
        postfix.set = {{"smtp_tls_policy_maps", maps}};
        add("smtp", true, maps);
        add("free", false, maps);
        around.ours.queue_directory = queue;
        around.ours.listen = {"unix:" + queue + "/stsmapd/socketmap"};
        around.contacts.asked = true;
        around.contacts.root = root;
        around.contacts.listeners = around.ours.listen;
        around.contacts.candidates =
            setup::candidates_of({around.ours.listen[0], "tcp:127.0.0.1:8461"}, queue);
    }
    void add(const std::string& name, bool chroot, const std::string& maps) {
        setup::Service service;
        service.name = name;
        service.type = "unix";
        service.program = "smtp";
        service.chroot = chroot;
        service.use = setup::Use::routed;
        service.effective = {{"smtp_tls_policy_maps", maps}};
        if (maps != postfix.value("smtp_tls_policy_maps")) service.overrides = service.effective;
        postfix.services.push_back(std::move(service));
    }
    void contact(const std::string& element, const Way& way, Kind kind, const std::string& words = "words",
                 const std::string& closed = "") {
        const std::string place = place_of(*setup::parse_socketmap(element));
        around.contacts.contacts.push_back({place, way, {kind, words, closed, ""}});
    }
    void both(const std::string& element, Kind kind, const std::string& words = "words") {
        contact(element, chrooted, kind, words);
        contact(element, outside, kind, words);
    }
    std::string pick() {
        const auto map = setup::pick_element(postfix, around, wishes, "sts", plan);
        return map ? to_string(*map) : "none";
    }
    std::string move(const std::string& element) {
        const auto moved = setup::move_of(postfix, around, wishes, element, plan);
        return moved ? to_string(moved->to) : "stays";
    }
    [[nodiscard]] std::string said() const {
        std::string text;
        for (const Remark& remark : plan.remarks)
            text += std::string(remark.kind == Remark::Kind::refusal ? "refused" : "warning") + ": " +
                    remark.words + " | " + remark.fix + '\n';
        return text;
    }
};

TEST(MoveOf, AWayThatFailsCountsBesideOneThatWasNotSeen) {
    Asked host(ours);
    host.contact(ours, chrooted, Kind::not_seen, "cannot fork");
    host.contact(ours, outside, Kind::silent, "no answer");
    (void)host.move(ours);
    EXPECT_THAT(host.said(), HasSubstr("refused: Postfix asks " + ours));
    EXPECT_THAT(host.said(), HasSubstr("it defers all mail"));
}

TEST(PickElement, TakesTheFirstThatAnswersEveryService) {
    Asked host("");
    host.both(ours, Kind::answers);
    EXPECT_EQ(host.pick(), ours);
    EXPECT_EQ(host.said(), "");

    Asked half("");
    half.contact(ours, chrooted, Kind::answers);
    half.contact(ours, outside, Kind::absent);
    half.both("socketmap:inet:127.0.0.1:8461:", Kind::answers);
    EXPECT_EQ(half.pick(), "socketmap:inet:127.0.0.1:8461:sts");
}

TEST(PickElement, RefusesAndPrintsWhatMakesItAnswer) {
    Asked host("");
    host.postfix.folder = "/etc/postfix-out";
    host.both(ours, Kind::absent, "there is no such socket");
    host.both("socketmap:inet:127.0.0.1:8461:", Kind::absent, "nobody listens there");
    host.around.contacts.answers_at = "unix:/var/spool/other/stsmapd/socketmap";
    EXPECT_EQ(host.pick(), "none");
    EXPECT_THAT(host.said(),
                HasSubstr("refused: stsmapd answers at unix:/var/spool/other/stsmapd/socketmap"));
    EXPECT_THAT(host.said(),
                HasSubstr("as user postfix, chrooted to /var/spool/postfix: there is no such socket"));
    EXPECT_THAT(host.said(),
                HasSubstr("\"unix:/var/spool/postfix/stsmapd/socketmap\" to listen in stsmapd.toml"));

    host.plan = {};
    host.around.contacts.socket_unit = true;
    EXPECT_EQ(host.pick(), "none");
    EXPECT_THAT(
        host.said(),
        HasSubstr("install -d /etc/systemd/system/stsmapd.socket.d && printf '[Socket]\\nListenStream=%s\\n' "
                  "/var/spool/postfix/stsmapd/socketmap > "
                  "/etc/systemd/system/stsmapd.socket.d/postfix-out.conf && systemctl daemon-reload && "
                  "systemctl restart stsmapd.socket"));

    host.plan = {};
    host.wishes.without_daemon = true;
    EXPECT_EQ(host.pick(), ours);
}

TEST(PickElement, NamesWhatIsClosed) {
    Asked host("");
    host.contact(ours, chrooted, Kind::no_permission, "no permission: the folder /q/s", "/q/s");
    host.contact(ours, outside, Kind::answers);
    host.both("socketmap:inet:127.0.0.1:8461:", Kind::absent);
    host.around.contacts.answers_at = host.around.ours.listen[0];
    EXPECT_EQ(host.pick(), "none");
    EXPECT_THAT(host.said(), HasSubstr("the folder /q/s | chmod a+x /q/s"));
}

TEST(PickElement, SaysWhatAnOrdinaryUserCannotSee) {
    Asked answered("", false);
    answered.contact(ours, {}, Kind::answers);
    EXPECT_EQ(answered.pick(), ours);
    EXPECT_THAT(answered.said(),
                HasSubstr("warning: stsmapd answers at socketmap:unix:stsmapd/socketmap; whether"));
    Asked closed("", false);
    closed.contact(ours, {}, Kind::not_seen, "no permission");
    closed.contact("socketmap:inet:127.0.0.1:8461:", {}, Kind::absent);
    EXPECT_EQ(closed.pick(), ours);
    EXPECT_THAT(closed.said(), HasSubstr("warning: whether stsmapd answers"));
    EXPECT_FALSE(closed.plan.refused());
}

TEST(PickElement, LeavesItToOthersWhenNobodyAnswersOrNothingWasAsked) {
    Asked nobody("");
    nobody.both(ours, Kind::absent);
    EXPECT_EQ(nobody.pick(), ours);
    EXPECT_EQ(nobody.said(), "");
    Asked never("");
    never.around.contacts = {};
    EXPECT_EQ(never.pick(), ours);
}

TEST(MoveOf, PutsRightWhatLeadsNowhere) {
    for (const char* element : {"socketmap:unix:stsmapd/socketmop:sts", "socketmap:inet:127.0.0.1:9:sts",
                                "socketmap:unix:/x:sts"}) {
        Asked host(element);
        host.both(element, Kind::absent, "no such socket");
        host.both(ours, Kind::answers);
        EXPECT_EQ(host.move(element), ours) << element;
        EXPECT_EQ(host.said(), "");
    }
    // The right file, but it does not exist in the chroot.
    Asked absolute("");
    const std::string path = "socketmap:unix:" + queue + "/stsmapd/socketmap:sts-tlsrpt";
    absolute.contact(path, chrooted, Kind::absent);
    absolute.contact(path, outside, Kind::answers);
    absolute.both(ours, Kind::answers);
    EXPECT_EQ(absolute.move(path), ours + "-tlsrpt") << "with its name";
}

TEST(MoveOf, LeavesAloneWhatAnswersOrIsOnlyDown) {
    Asked well(ours);
    well.both(ours, Kind::answers);
    EXPECT_EQ(well.move(ours), "stays");
    EXPECT_EQ(well.said(), "");

    Asked down(ours); // where it is configured to listen
    down.both(ours, Kind::absent, "no such socket");
    down.both("socketmap:inet:127.0.0.1:8461:", Kind::answers);
    EXPECT_EQ(down.move(ours), "stays");
    EXPECT_THAT(down.said(), HasSubstr("refused: Postfix asks " + ours + ", and no stsmapd answers there"));
    down.plan = {};
    down.wishes.without_daemon = true; // doctor reports it in another check
    EXPECT_EQ(down.move(ours), "stays");
    EXPECT_EQ(down.said(), "");

    Asked tcp("");
    tcp.around.contacts.listeners = {"tcp::8461"};
    tcp.both("socketmap:inet:localhost:8461:sts", Kind::absent);
    tcp.both(ours, Kind::answers);
    EXPECT_EQ(tcp.move("socketmap:inet:localhost:8461:sts"), "stays");
}

TEST(MoveOf, RefusesWhatItCannotPutRight) {
    const std::string element = "socketmap:unix:nowhere:sts";
    Asked host(element);
    host.both(element, Kind::absent);
    host.around.contacts.answers_at = "unix:/run/s";
    EXPECT_EQ(host.move(element), "stays");
    EXPECT_THAT(host.said(), HasSubstr("and stsmapd answers at unix:/run/s: Postfix defers all mail"));
    Asked proxied("proxy:" + ours);
    proxied.around.contacts.proxymap = outside;
    proxied.contact("proxy:" + ours, outside, Kind::not_approved);
    EXPECT_EQ(proxied.move("proxy:" + ours), "stays");
    EXPECT_THAT(proxied.said(), HasSubstr("proxymap(8) does not open it"));
    EXPECT_THAT(proxied.said(),
                HasSubstr("postconf -e 'proxy_read_maps = $smtp_tls_policy_maps proxy:" + ours + "'"));
}

void answer(Asked& host, const std::string& element, setup::TableAnswer::Kind kind) {
    host.around.contacts.tables.push_back({element, kind, "stsmap-asks.invalid", "may"});
}

TEST(LookAtTables, RefusesCatchAllsBeforeOursAndBrokenTablesAnywhere) {
    using Table = setup::TableAnswer::Kind;
    struct Row {
        std::string maps;
        Table kind;
        const char* said; ///< "" for nothing
    };
    const Row rows[] = {
        {"static:may, " + ours, Table::catch_all,
         "refused: static:may answers for domains it cannot know (stsmap-asks.invalid: may)"},
        {"static:may", Table::catch_all, "refused: static:may answers for"},
        {ours + ", static:may", Table::catch_all, ""},
        {"static:may, " + ours, Table::nothing, ""},
        {"static:may, " + ours, Table::trouble,
         "refused: static:may cannot be asked, and Postfix defers the mail"},
        {ours + ", static:may", Table::trouble, "refused: static:may cannot be asked"},
        {"static:may, " + ours, Table::not_seen, "warning: static:may could not be asked"},
    };
    for (const Row& row : rows) {
        Asked host(row.maps);
        answer(host, "static:may", row.kind);
        look_at_tables(host.postfix, host.around, {}, host.plan);
        if (*row.said == '\0')
            EXPECT_EQ(host.said(), "") << row.maps;
        else
            EXPECT_THAT(host.said(), HasSubstr(row.said)) << row.maps;
    }
    Asked host("hash:/a, static:may, " + ours);
    answer(host, "static:may", Table::catch_all);
    look_at_tables(host.postfix, host.around, {}, host.plan);
    EXPECT_THAT(host.said(), HasSubstr("postconf -e 'smtp_tls_policy_maps = hash:/a, " + ours + "'"));
    host.plan = {};
    host.postfix.set["smtp_tls_policy_maps"] = "$mine, " + ours;
    look_at_tables(host.postfix, host.around, {}, host.plan);
    EXPECT_THAT(host.said(), HasSubstr("take it out where it is written"));
}

TEST(LookAtOwnLists, JudgesServicesWithAListOfTheirOwn) {
    using Table = setup::TableAnswer::Kind;
    Asked host(ours);
    host.both(ours, Kind::answers);
    host.add("relay", true, "static:may, " + ours);
    answer(host, "static:may", Table::catch_all);
    look_at_own_lists(host.postfix, host.around, {}, host.plan);
    EXPECT_THAT(host.said(), HasSubstr("refused: service relay/unix: static:may answers for domains"));
    EXPECT_THAT(host.said(), HasSubstr("postconf -P 'relay/unix/smtp_tls_policy_maps=" + ours + "'"));

    Asked nowhere(ours);
    const std::string other = "socketmap:unix:stsmapd/other:sts";
    nowhere.add("relay", true, other);
    nowhere.contact(other, chrooted, Kind::absent, "no such socket");
    look_at_own_lists(nowhere.postfix, nowhere.around, {}, nowhere.plan);
    EXPECT_THAT(nowhere.said(), HasSubstr("refused: service relay/unix asks " + other));
    EXPECT_THAT(nowhere.said(), HasSubstr("postconf -P -X relay/unix/smtp_tls_policy_maps"));
    nowhere.plan = {};
    nowhere.postfix.services.back().use = setup::Use::unused;
    look_at_own_lists(nowhere.postfix, nowhere.around, {}, nowhere.plan);
    EXPECT_THAT(nowhere.said(), HasSubstr("warning: service relay/unix asks"));

    Asked another(ours);
    another.add("relay", true, "static:may");
    answer(another, "static:may", Table::catch_all);
    look_at_own_lists(another.postfix, another.around, {}, another.plan);
    EXPECT_EQ(another.said(), "") << "it asks no stsmapd: that is said elsewhere";
}

} // namespace
