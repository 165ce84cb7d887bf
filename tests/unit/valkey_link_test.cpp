#include "cache/valkey/link.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using base::Steady;
using valkey::Greeting;
using valkey::Link;
using valkey::LinkTuning;
using valkey::Login;
using valkey::Reply;
using valkey::Role;
using valkey::Trouble;

constexpr const char* primary = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
constexpr const char* replica = "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";
constexpr const char* sentinel = "*2\r\n$8\r\nsentinel\r\n*0\r\n";
constexpr const char* password = "tiger-lily-17";

struct World {
    explicit World(const Login& login = {}, LinkTuning tuning = {}) : link(login, tuning, now, now + 2s) {}
    /// A link that is ready.
    static Login plain() {
        Login login;
        login.ask_role = false;
        return login;
    }
    void hear(std::string_view octets) { link.received(octets, now); }
    void pass(base::milliseconds time) {
        now += time;
        link.tick(now);
    }
    std::optional<Trouble> get(Link::Id id, base::milliseconds limit = 50ms) {
        return link.send(id, "GET" + std::to_string(id) + ";", now + limit);
    }
    /// "1 value, 2 timeout"
    std::string done() {
        std::string shown;
        for (const Link::Done& one : link.done()) {
            shown += (shown.empty() ? "" : ", ") + std::to_string(one.id) + " ";
            shown += one.answer ? one.answer->text : std::string(to_string(one.answer.error().trouble));
        }
        return shown;
    }
    std::string over() {
        return link.state() == Link::State::over ? std::string(to_string(link.failure().trouble))
                                                 : "not over";
    }
    Steady now{100s};
    Link link;
};

Login full() {
    Login login;
    login.user = "mail";
    login.password = password;
    login.database = 3;
    login.role = Role::primary;
    login.expiry_key = "x:probe";
    return login;
}

TEST(ValkeyLink, SaysEverythingAtOnceAndIsReadyAfterAllReplies) {
    World world(full());
    EXPECT_EQ(world.link.output(),
              "*3\r\n$4\r\nAUTH\r\n$4\r\nmail\r\n$13\r\ntiger-lily-17\r\n"
              "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
              "*1\r\n$4\r\nROLE\r\n"
              "*5\r\n$3\r\nSET\r\n$7\r\nx:probe\r\n$1\r\nx\r\n$4\r\nPXAT\r\n$1\r\n0\r\n");
    EXPECT_EQ(world.get(1), Trouble::down) << "not before it is ready";
    world.hear("+OK\r\n+OK\r\n");
    world.hear(primary);
    EXPECT_EQ(world.link.state(), Link::State::greeting);
    world.hear("-ERR invalid expire time in 'set' command\r\n");
    EXPECT_EQ(world.link.state(), Link::State::ready);
    EXPECT_EQ(world.link.role(), Role::primary);
}

TEST(ValkeyLink, LogsInOrSaysWhyNot) {
    struct Row {
        const char* name;
        std::string octets;
        const char* shown; ///< trouble and words; "": ready
    };
    const std::string ok = "+OK\r\n+OK\r\n";
    const std::string echo =
        std::string("-ERR unknown command `AUTH`, with args beginning with: `mail` `") + password + "`\r\n";
    const std::vector<Row> rows{
        {"Redis 6.2", ok + primary + "-ERR invalid expire time in set\r\n", ""},
        {"it tells its role, and loads its data", ok + primary + "-LOADING Redis is loading\r\n",
         "loading: the engine is loading its data"},
        {"no memory: neither", ok + primary + "-OOM command not allowed\r\n", ""},
        {"too old", ok + primary + "-ERR syntax error\r\n",
         "refused: the engine is too old: it has no PXAT (Redis 6.2 or newer, or Valkey)"},
        {"keys are not ours", ok + primary + "-NOPERM No permissions to access a key\r\n",
         "noperm: the user may not write our keys (NOPERM)"},
        {"it set the key", ok + primary + "+OK\r\n", "protocol: no reply to SET"},
        {"wrong password", "-WRONGPASS invalid username-password pair\r\n",
         "auth: user or password are not accepted (WRONGPASS)"},
        {"Redis 5", "-ERR wrong number of arguments for 'auth' command\r\n",
         "auth: user or password are not accepted"},
        {"it repeats the password", echo, "auth: user or password are not accepted"},
        {"it repeats it as a code", std::string("-") + password + " is wrong\r\n",
         "auth: user or password are not accepted"},
        {"no such database", "+OK\r\n-ERR DB index is out of range\r\n",
         "refused: the database cannot be selected"},
        {"no ROLE", ok + "-NOPERM this user has no permissions to run the 'role' command\r\n",
         "noperm: the engine does not tell its role (NOPERM)"},
        {"replica", ok + replica, "readonly: it is a replica, and the primary is wanted"},
        {"Sentinel", ok + sentinel, "refused: it is a Sentinel, not an engine, or has an unknown role"},
        {"no array", ok + "+master\r\n", "protocol: no reply to ROLE"},
        {"starting", "-LOADING Redis is loading the dataset in memory\r\n",
         "loading: the engine is loading its data"},
        {"full", "-ERR max number of clients reached\r\n", "overloaded: the engine takes no more clients"},
        {"protected", "-DENIED Redis is running in protected mode\r\n",
         "refused: the engine is in protected mode (DENIED)"},
        {"another service", "220 mail.test ESMTP\r\n", "protocol: "},
        {"wrong kind", ":1\r\n", "protocol: no reply to AUTH or SELECT"},
    };
    for (const Row& row : rows) {
        World world(full());
        world.hear(row.octets);
        if (*row.shown == '\0') {
            EXPECT_EQ(world.link.state(), Link::State::ready) << row.name;
            continue;
        }
        ASSERT_EQ(world.link.state(), Link::State::over) << row.name;
        const std::string shown =
            std::string(to_string(world.link.failure().trouble)) + ": " + world.link.failure().words;
        EXPECT_TRUE(shown.starts_with(row.shown)) << row.name << ": " << shown;
        EXPECT_EQ(shown.find(password), std::string::npos) << row.name;
    }
}

TEST(ValkeyLink, AsksForAPasswordWhenOneIsNeeded) {
    World world;
    EXPECT_EQ(world.link.output(), "*1\r\n$4\r\nROLE\r\n");
    world.hear("-NOAUTH Authentication required.\r\n");
    EXPECT_EQ(world.link.failure(),
              (valkey::Failure{Trouble::auth, "a user and a password are needed (NOAUTH)"}));
}

TEST(ValkeyLink, AReplicaWillDoUnlessThePrimaryIsWanted) {
    Login login;
    World any(login);
    any.hear(replica);
    EXPECT_EQ(any.link.role(), Role::replica);
    login.role = Role::replica;
    World wanted(login);
    wanted.hear(primary);
    EXPECT_EQ(wanted.over(), "down") << "Sentinel will name another one soon";
}

TEST(ValkeyLink, TheGreetingHasALimit) {
    World world(full());
    EXPECT_EQ(world.link.next_tick(), world.now + 2s);
    world.hear("+OK\r\n");
    world.pass(1999ms);
    EXPECT_EQ(world.over(), "not over");
    world.pass(1ms);
    EXPECT_EQ(world.over(), "timeout");
}

TEST(ValkeyLink, CommandsGoInARowAndRepliesComeInTheirOrder) {
    World world(World::plain());
    ASSERT_EQ(world.link.state(), Link::State::ready);
    for (Link::Id id = 1; id <= 4; ++id) EXPECT_EQ(world.get(id), std::nullopt);
    EXPECT_EQ(world.link.output(), "GET1;GET2;GET3;GET4;");
    EXPECT_EQ(world.link.output(), "");
    world.hear("+one\r\n$3\r\ntw");
    EXPECT_EQ(world.done(), "1 one");
    world.hear("o\r\n-NOPERM no\r\n+four\r\n");
    EXPECT_EQ(world.done(), "2 two, 3 noperm, 4 four");
    EXPECT_EQ(world.link.pending(), 0U);
    world.hear("+five\r\n");
    EXPECT_EQ(world.over(), "protocol") << "a reply to nothing";
}

TEST(ValkeyLink, ALateReplyIsDropped) {
    World world(World::plain());
    (void)world.get(1, 50ms);
    (void)world.get(2, 5s);
    (void)world.get(3, 20ms);
    EXPECT_EQ(world.link.next_tick(), world.now + 20ms);
    world.pass(20ms);
    EXPECT_EQ(world.done(), "3 timeout");
    world.pass(30ms);
    EXPECT_EQ(world.done(), "1 timeout");
    EXPECT_EQ(world.link.pending(), 3U);
    world.hear("+one\r\n+two\r\n+three\r\n");
    EXPECT_EQ(world.done(), "2 two");
    EXPECT_EQ(world.over(), "not over");
    EXPECT_EQ(world.link.next_tick(), world.now + 15s);
}

TEST(ValkeyLink, ALostConnectionAnswersWhatIsOpen) {
    World world(World::plain());
    (void)world.get(1, 50ms);
    (void)world.get(2, 5s);
    world.pass(50ms);
    world.link.lost({Trouble::down, "reset"});
    EXPECT_EQ(world.done(), "1 timeout, 2 down");
    EXPECT_EQ(world.get(3), Trouble::down);
    world.hear("+one\r\n");
    world.pass(1h);
    EXPECT_EQ(world.done(), "");
    EXPECT_EQ(world.link.next_tick(), Steady::max());
}

TEST(ValkeyLink, PingsWhenIdleAndIsDeafOnlyAfterAPing) {
    World world(World::plain());
    world.pass(14999ms);
    EXPECT_EQ(world.link.output(), "");
    world.pass(1ms);
    EXPECT_EQ(world.link.output(), "*1\r\n$4\r\nPING\r\n");
    EXPECT_EQ(world.link.next_tick(), world.now + 5s);
    world.pass(4999ms);
    world.hear("+PONG\r\n");
    EXPECT_EQ(world.done(), "");
    // A suspended machine: nothing was heard for long, but no PING was sent either.
    world.pass(10h);
    EXPECT_EQ(world.over(), "not over");
    EXPECT_EQ(world.link.output(), "*1\r\n$4\r\nPING\r\n");
    world.pass(5s);
    EXPECT_EQ(world.over(), "timeout");
}

TEST(ValkeyLink, OctetsThatAreNoAnswerDoNotSaveIt) {
    World world(World::plain());
    (void)world.get(1, 50ms);
    world.pass(15s); // the command timed out, and a PING is sent behind it
    world.hear("$100\r\n");
    for (int i = 0; i < 4; ++i) {
        world.pass(1s);
        world.hear("x");
    }
    EXPECT_EQ(world.over(), "not over");
    world.pass(1s);
    EXPECT_EQ(world.over(), "timeout");
}

TEST(ValkeyLink, ReadsAPingAmongCommands) {
    World world(World::plain());
    (void)world.get(1, 60s);
    world.pass(15s);
    (void)world.get(2, 60s);
    EXPECT_EQ(world.link.output(), "GET1;*1\r\n$4\r\nPING\r\nGET2;");
    world.hear("+one\r\n+PONG\r\n+two\r\n");
    EXPECT_EQ(world.done(), "1 one, 2 two");
}

TEST(ValkeyLink, HasLimitsOfWhatWaits) {
    LinkTuning tuning;
    tuning.max_pending = 2;
    tuning.max_output = 10;
    World world(World::plain(), tuning);
    EXPECT_EQ(world.get(1), std::nullopt);
    EXPECT_EQ(world.get(2), std::nullopt);
    EXPECT_EQ(world.get(3), Trouble::overloaded);
    world.pass(50ms);
    EXPECT_EQ(world.get(3), Trouble::overloaded) << "what timed out still has a reply to come";
    world.hear("+one\r\n");
    EXPECT_EQ(world.get(3), std::nullopt);
    world.hear("+two\r\n+three\r\n");
    EXPECT_EQ(world.get(4), Trouble::overloaded) << "nothing is sent any more";
    (void)world.link.output();
    EXPECT_EQ(world.get(4), std::nullopt);
}

TEST(ValkeyLink, NoWordsShowThePassword) {
    Login login = World::plain();
    login.password = password;
    World world(login);
    world.hear("+OK\r\n");
    (void)world.get(1);
    world.hear(std::string("-ERR you are ") + password + password + ", " + std::string(500, 'x') + "\r\n");
    const auto done = world.link.done();
    ASSERT_EQ(done.size(), 1U);
    const std::string& words = done[0].answer.error().words;
    EXPECT_TRUE(words.starts_with("ERR you are **, xxx")) << words;
    EXPECT_LE(words.size(), 120U);
}

TEST(ValkeyLink, AReplyThatIsTooLargeEndsIt) {
    LinkTuning tuning;
    tuning.replies.octets = 100;
    World world(World::plain(), tuning);
    (void)world.get(1);
    world.hear("$1000\r\n" + std::string(100, 'x'));
    EXPECT_EQ(world.done(), "1 too-large");
    EXPECT_EQ(world.over(), "too-large");
}

TEST(ValkeyLink, ASubscriptionGivesMessages) {
    World world(World::plain());
    world.link.subscribe("x:n", world.now);
    EXPECT_EQ(world.link.output(), "*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\nx:n\r\n");
    EXPECT_FALSE(world.link.subscribed());
    EXPECT_EQ(world.get(1), Trouble::down) << "no commands there";
    world.hear("*3\r\n$9\r\nsubscribe\r\n$3\r\nx:n\r\n:1\r\n");
    EXPECT_TRUE(world.link.subscribed());
    world.hear(
        "*3\r\n$7\r\nmessage\r\n$3\r\nx:n\r\n$5\r\nhello\r\n*3\r\n$7\r\nmessage\r\n$1\r\ny\r\n$1\r\nz\r\n");
    const auto messages = world.link.messages();
    ASSERT_EQ(messages.size(), 1U) << "of another channel";
    EXPECT_EQ(messages[0].payload, "hello");
    world.pass(15s);
    EXPECT_EQ(world.link.output(), "*1\r\n$4\r\nPING\r\n");
    world.hear("*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    world.pass(15s);
    world.pass(5s);
    EXPECT_EQ(world.over(), "timeout");
}

TEST(ValkeyLink, ASubscriptionEndsByAnythingElse) {
    struct Row {
        const char* octets;
        const char* trouble;
    };
    for (const Row& row : {
             Row{"-NOPERM this user has no permissions to access the 'x:n' channel\r\n", "noperm"},
             Row{"+OK\r\n", "protocol"},
             Row{"*3\r\n$9\r\nsubscribe\r\n$1\r\ny\r\n:1\r\n", "protocol"},
             Row{"*3\r\n$7\r\nmessage\r\n$3\r\nx:n\r\n$1\r\nz\r\n", "protocol"},
             Row{"*3\r\n$11\r\nunsubscribe\r\n$3\r\nx:n\r\n:0\r\n", "protocol"},
         }) {
        World world(World::plain());
        world.link.subscribe("x:n", world.now);
        world.hear(row.octets);
        EXPECT_EQ(world.over(), row.trouble) << row.octets;
    }
    World silent(World::plain());
    silent.link.subscribe("x:n", silent.now);
    silent.pass(5s);
    EXPECT_EQ(silent.over(), "timeout");
}

} // namespace
