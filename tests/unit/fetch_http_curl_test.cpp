// Which forms of heads and chunks curl accepts: the same octets go to the system's curl, over HTTP on
// loopback, and to HttpReader. If the two disagree, one of our rules in `rules` must say so. The judge is
// curl 7.88, the version of Debian 12: with another version the test is skipped.
#include "fetch/http_reader.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

const std::string policy =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"; // 66 octets
const std::string type = "Content-Type: text/plain";

/// One cell: what a server sends before it closes the connection.
struct Cell {
    std::string name, octets;
};

/// One response, made from lines without line ends.
struct Response {
    std::string status = "HTTP/1.1 200 OK";
    std::vector<std::string> fields{type};
    std::string eol = "\r\n";
    std::string last = "\r\n"; // the empty line
    std::string body;

    [[nodiscard]] std::string octets() const {
        std::string text = status + eol;
        for (const std::string& field : fields) text += field + eol;
        return text + last + body;
    }
};

std::string chunk(const std::string& data, const std::string& behind = "") {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", data.size());
    return size + behind + "\r\n" + data + "\r\n";
}

const std::string chunks = chunk(policy) + "0\r\n\r\n";

enum class Framing { length, chunked, close };
constexpr std::array framings{Framing::length, Framing::chunked, Framing::close};

Response framed(Framing framing) {
    Response response;
    response.body = framing == Framing::chunked ? chunks : policy;
    if (framing == Framing::length) response.fields.push_back("Content-Length: 66");
    if (framing == Framing::chunked) response.fields.push_back("Transfer-Encoding: chunked");
    return response;
}

std::string named(Framing framing) {
    return framing == Framing::length ? "length" : framing == Framing::chunked ? "chunked" : "close";
}

std::string without(std::string text, std::size_t octets) {
    text.resize(text.size() - octets);
    return text;
}

/// `text` with its line ends replaced: everywhere, or at every other one.
std::string line_ends(const std::string& text, const std::string& by, bool all) {
    std::string out;
    std::size_t n = 0;
    for (const char c : text) {
        if (c != '\n' || out.empty() || out.back() != '\r' || (!all && n++ % 2 != 0)) {
            out += c;
            continue;
        }
        out.pop_back();
        out += by;
    }
    return out;
}

std::vector<Cell> cells() {
    std::vector<Cell> all;
    const auto add = [&](std::string name, std::string octets) {
        all.push_back({std::move(name), std::move(octets)});
    };
    const std::string nul("\0", 1);

    // Any line of the head, with any line end, before any framing.
    const std::vector<std::string> lines = {"X: y",
                                            "X:y",
                                            "X:",
                                            "X : y",
                                            "X\t: y",
                                            "X  \t : y",
                                            ": y",
                                            "X Y: z",
                                            "X@\"(): z",
                                            "X\xc3\xa4: z",
                                            "X\x01: z",
                                            "X: \x01\x7fz",
                                            "X: a\rb",
                                            "X\ra: b",
                                            "X: a\r",
                                            "\rX: a",
                                            "X: a" + nul + "b",
                                            "X" + nul + ": b",
                                            "X",
                                            "X y",
                                            "=",
                                            "X: a\r\n b",
                                            "X: a\r\n\tb: c",
                                            "X: a\r\n ",
                                            "X\r\n : b",
                                            "X: a\n b\n  c",
                                            "Server : nginx",
                                            "Content-Lengt: 5",
                                            "Content-Length-X: 5",
                                            "X: " + std::string(30000, 'x'),
                                            "Content-Type : text/plain",
                                            "Content-Length : 66",
                                            "Content-Length\t: 66",
                                            "Transfer-Encoding : chunked",
                                            "Content-Encoding : identity",
                                            "Content-Length\r: 66",
                                            "Connection: keep-alive",
                                            "Location: /x",
                                            "Content-Encoding: identity",
                                            type,
                                            "Trailer: X",
                                            "Set-Cookie: a=b; c=\"d,e\""};
    for (const Framing framing : framings)
        for (const std::string& line : lines)
            for (const std::string eol : {"\r\n", "\n", "\r\r\n"}) {
                Response response = framed(framing);
                response.fields.insert(response.fields.begin() + 1, line);
                response.eol = eol;
                if (eol == "\n") response.last = eol;
                add(named(framing) + ", line " + line.substr(0, 20) + ", end " + eol, response.octets());
            }
    for (const Framing framing : framings) {
        const Response plain = framed(framing);
        for (const std::string by : {"\n", "\r\r\n"})
            for (const bool every : {true, false})
                add(named(framing) + ", other line ends", line_ends(plain.octets(), by, every));
        for (const std::string last : {"\r\n", "\n", "\r\r\n", " \r\n\r\n", "\r", ""}) {
            Response response = plain;
            response.last = last;
            add(named(framing) + ", the empty line " + last, response.octets());
        }
        for (const std::string first : {" X: y", "\tX", " Content-Length: 5", "X", ""}) {
            Response response = plain;
            response.fields.insert(response.fields.begin(), first);
            add(named(framing) + ", first line " + first, response.octets());
        }
        for (const std::string status : {"HTTP/1.1 200",
                                         "HTTP/1.1 200 ",
                                         "HTTP/1.1  200 OK",
                                         "HTTP/1.1\t200 OK",
                                         "HTTP/1.1 \t200 OK",
                                         "HTTP/1.1 200\tOK",
                                         "HTTP/1.1 200OK",
                                         "HTTP/1.1 200-",
                                         "HTTP/1.1 2000 OK",
                                         "HTTP/1.1 20 OK",
                                         "HTTP/1.1 2x0 OK",
                                         "HTTP/1.1",
                                         "HTTP/1.1 ",
                                         " HTTP/1.1 200 OK",
                                         "http/1.1 200 OK",
                                         "HTTP/1.0 200 OK",
                                         "HTTP/1.2 200 OK",
                                         "HTTP/1.10 200 OK",
                                         "HTTP/1 200 OK",
                                         "HTTP/0.9 200 OK",
                                         "HTTP/2 200 OK",
                                         "HTTP/2.0 200 OK",
                                         "HTTP/3 200 OK",
                                         "HTTPS/1.1 200 OK",
                                         "HTTP 200 OK",
                                         "ICY 200 OK",
                                         "HTTP/1.1 200 \xff\xfe",
                                         "HTTP/1.1 200 a\x01\rb",
                                         "HTTP/1.1 099 No",
                                         "HTTP/1.1 -20 No",
                                         "\r\nHTTP/1.1 200 OK",
                                         "\nHTTP/1.1 200 OK",
                                         "220 mail.example.com ESMTP"}) {
            Response response = plain;
            response.status = status;
            add(named(framing) + ", status line " + status, response.octets());
        }
        for (const std::string before :
             {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", "HTTP/1.1 100\n\n",
              "HTTP/1.1 102 x\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 199 x\r\n\r\nHTTP/1.0 150 y\r\n\r\n",
              "HTTP/1.1 100 Continue\r\n\r\n\r\n", "HTTP/1.1 100 Continue\r\nX\r\n\r\n",
              "HTTP/1.1 101 Switching\r\n\r\n"})
            add(named(framing) + ", after " + before.substr(0, 20), before + plain.octets());
        // Cut anywhere: near the ends and borders, and evenly between.
        const std::string whole = plain.octets();
        const std::size_t border = whole.find("\r\n\r\n") + 4;
        std::set<std::size_t> ends;
        for (std::size_t i = 1; i <= 6; ++i)
            ends.insert({whole.size() - i, border - i, border + i, i * whole.size() / 7});
        for (const std::size_t end : ends)
            add(named(framing) + ", cut after " + std::to_string(end), whole.substr(0, end));
        add(named(framing) + ", nothing", "");
        add(named(framing) + ", more behind", whole + "HTTP/1.1 404 Gone\r\n\r\n");
    }

    for (const std::string length :
         {"66",   "00066", "66 ",  " 66\t", "\t66",    "66, 66",  "66,66",   "+66",
          "-66",  "66abc", "0x42", "6 6",   "66.0",    "\"66\"",  "",        " ",
          "66;",  "67",    "65",   "0",     "66\r\n ", "\r\n 66", "6\r\n 6", "99999999999999999999999",
          "65537"}) {
        Response response = framed(Framing::close);
        response.fields.push_back("Content-Length:" + length);
        add("Content-Length:" + length, response.octets());
    }
    for (const std::string second : {"66", "066", "5", "67", "66abc", ""}) {
        Response response = framed(Framing::length);
        response.fields.push_back("Content-Length: " + second);
        add("a second Content-Length " + second, response.octets());
    }
    for (const std::string coding :
         {"chunked", "CHUNKED ", "\tChunked", ", chunked", "chunked,", ",,chunked , ", "chunked, chunked",
          "identity", "identity, chunked", "chunked, identity", "", "chunked;q=1", "xchunked", "\"chunked\"",
          "gzip", "chunked\r\n ", "\r\n chunked", "chunked\r"}) {
        Response response = framed(Framing::close);
        response.fields.push_back("Transfer-Encoding:" + coding);
        response.body = chunks;
        add("Transfer-Encoding:" + coding, response.octets());
    }
    for (const std::string second : {"Transfer-Encoding: chunked", "Transfer-Encoding: identity",
                                     "Content-Length: 66", "Content-Length: 5"}) {
        Response response = framed(Framing::chunked);
        response.fields.push_back(second);
        add("chunked and " + second, response.octets());
        std::swap(response.fields[1], response.fields[2]);
        add(second + " and chunked", response.octets());
    }
    {
        Response response = framed(Framing::chunked);
        response.status = "HTTP/1.0 200 OK";
        add("chunked with HTTP/1.0", response.octets());
    }

    // Chunks.
    std::vector<std::pair<std::string, std::string>> bodies;
    for (const std::string behind :
         {"",    " ",    "  ", "\t", " \t ",  ";a",    ";a=b", " ; a=\"b\"", ";\"\\\"", "\r",
          "xyz", " xyz", "!",  ",",  ";\x01", ";\xff", ";\rX", ":",          "h",       "."}) {
        bodies.push_back({"behind a size " + behind, chunk(policy, behind) + "0\r\n\r\n"});
        bodies.push_back({"behind the last size " + behind, chunk(policy) + "0" + behind + "\r\n\r\n"});
    }
    bodies.push_back({"NUL behind a size", chunk(policy, nul) + "0\r\n\r\n"});
    for (const std::string& before : std::vector<std::string>{
             "0", "000", std::string(14, '0'), std::string(15, '0'), std::string(30, '0'), std::string("0x"),
             std::string(" "), std::string("\t"), std::string("-"), std::string("+"), std::string(";"),
             std::string("\r\n"), std::string("\n"), std::string("g")})
        bodies.push_back({"before a size " + before, before + chunks});
    bodies.push_back({"capitals", chunk("0123456789") + "A\r\n0123456789\r\n0\r\n\r\n"});
    bodies.push_back({"small letters", "a\r\n0123456789\r\n0\r\n\r\n"});
    for (const std::string after :
         {"\r\n", "\n", "\r\r\n", "\r\r\r\n", "", " \r\n", "\r\n\r\n", "\r", "x\r\n"})
        bodies.push_back({"after the data " + after, "42\r\n" + policy + after + "0\r\n\r\n"});
    for (const std::string size : {"42", "41", "43", "0", "ffffffffffffffff", "7fffffffffffffff", "10000"})
        bodies.push_back({"size " + size, size + "\r\n" + policy + "\r\n0\r\n\r\n"});
    for (const std::string trailer :
         {"X: y\r\n", "X: y\n", "X:y\r\nZ : z\r\n", "X: y\r\n z\r\n", "X: y\r\n\tz\r\n", " z\r\n", "X\r\n",
          "Content-Length: 7\r\n", "Transfer-Encoding: gzip\r\n", "X: a\rb\r\n", "X: a\r\r\n",
          "\xc3\xa4: \x01\r\n", ": y\r\n", "\rX: y\r\n"})
        bodies.push_back({"trailer " + trailer, without(chunks, 2) + trailer + "\r\n"});
    bodies.push_back(
        {"trailer of 4,000 octets", without(chunks, 2) + "X: " + std::string(4000, 'y') + "\r\n\r\n"});
    bodies.push_back(
        {"trailer of 5,000 octets", without(chunks, 2) + "X: " + std::string(5000, 'y') + "\r\n\r\n"});
    bodies.push_back(
        {"extension of 20,000 octets", chunk(policy, ";" + std::string(20000, 'e')) + "0\r\n\r\n"});
    for (const std::string last : {"\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n", "\r\r\n\r\n", "\r\n\r\r\n",
                                   "\r\n\rX\n", "\r\n", "\n", "", "\r\n\r"})
        bodies.push_back({"the end " + last, chunk(policy) + "0" + last});
    bodies.push_back({"an octet a chunk", [] {
                          std::string text;
                          for (const char c : policy) text += chunk(std::string(1, c));
                          return text + "0\r\n\r\n";
                      }()});
    bodies.push_back({"blanks to pad sizes", [] {
                          std::string text;
                          for (const char c : policy) text += chunk(std::string(1, c), "       ");
                          return text + "0       \r\n\r\n";
                      }()});
    for (const auto& [name, body] : bodies) {
        Response response = framed(Framing::chunked);
        response.body = body;
        add("chunks: " + name, response.octets());
        response.body = line_ends(body, "\n", true);
        add("chunks, LF alone: " + name, response.octets());
        response.body = line_ends(body, "\n", false);
        add("chunks, LF here and there: " + name, response.octets());
    }
    for (const std::size_t size : {65536u, 65537u, 100000u}) {
        Response response;
        response.body = std::string(size, 'x');
        add("a body of " + std::to_string(size), response.octets());
        response.fields.push_back("Content-Length: " + std::to_string(size));
        add("a body with a length of " + std::to_string(size), response.octets());
    }
    for (const std::size_t size : {20000u, 60000u}) {
        Response response = framed(Framing::length);
        while (response.octets().size() + 1000 < size)
            response.fields.push_back("X-Pad: " + std::string(990, 'p'));
        add("a head of " + std::to_string(size), response.octets());
    }
    return all;
}

/// Where we differ from curl, and why. A disagreement must be one of these; our own error text shows which.
struct Rule {
    const char* why;
    std::vector<std::string> reasons_or_details; // what our refusal begins with, as "reason: detail"
};
const std::vector<Rule> rules = {
    {"an end without last chunk, full length or head", {"http-truncated: "}},
    {"a Content-Length that is not one number of digits, or differing ones",
     {"http-malformed: Content-Length \"", "http-malformed: Content-Length fields that differ"}},
    {"Content-Length beside Transfer-Encoding", {"http-malformed: Content-Length "}},
    {"a Transfer-Encoding that is not chunked alone, or with HTTP/1.0, or folded",
     {"http-malformed: Transfer-Encoding "}},
    {"a blank before the colon of a field that frames or describes the body",
     {"http-malformed: a blank before the colon of "}},
    {"a line that begins with CR, which ends the head for curl", {"http-malformed: a line begins with CR"}},
    {"a version that is not 1.0 or 1.1",
     {"http-malformed: not an HTTP/1 response: begins with \"HTTP/2",
      "http-malformed: no version 1.0 or 1.1"}},
    {"\"0x\" before a chunk's size", {"http-malformed: a chunk size that is no number"}},
    {"101, which was not asked for", {"http-status: status 101"}},
    {"a body over 64 KiB", {"http-too-large: "}},
    {"no Content-Type, or one that is not text/plain", {"http-media-type: "}},
};
/// Where curl has a limit that we do not have: its error text, which our octets do not contain.
constexpr std::string_view longer_trailer = "trailer of 5,000 octets";

struct Outcome {
    bool taken = false;
    std::string body; // or why not
};

Outcome ours(const std::string& octets, std::size_t step) {
    fetch::HttpReader reader;
    std::optional<fetch::Response> fetched;
    for (std::size_t at = 0; at < octets.size() && !fetched; at += step)
        fetched = reader.feed(std::string_view(octets).substr(at, step));
    if (!fetched) fetched = reader.finish(true);
    if (*fetched) return {true, **fetched};
    return {false, std::string(base::to_string(fetched->error().reason)) + ": " + fetched->error().detail};
}

/// Answers "GET /N" with cell N, then closes its side and waits for the client to close the other.
class Server {
public:
    explicit Server(const std::vector<Cell>& cells)
        : cells_(cells), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof here;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
            ::listen(listener_, 64) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size) != 0)
            throw std::runtime_error("no listener");
        port_ = ntohs(here.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    [[nodiscard]] unsigned port() const noexcept { return port_; }

private:
    void serve() {
        for (;;) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) return;
            std::string request;
            char octets[4096];
            ssize_t n = 0;
            while (request.find("\r\n\r\n") == std::string::npos &&
                   (n = ::recv(client, octets, sizeof octets, 0)) > 0)
                request.append(octets, static_cast<std::size_t>(n));
            if (request.starts_with("GET /")) {
                const std::string& answer = cells_.at(std::stoul(request.substr(5))).octets;
                for (std::size_t at = 0; at < answer.size() && n >= 0; at += static_cast<std::size_t>(n))
                    n = ::send(client, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
                ::shutdown(client, SHUT_WR);
                while (::recv(client, octets, sizeof octets, 0) > 0) {
                }
            }
            ::close(client);
        }
    }

    const std::vector<Cell>& cells_;
    int listener_;
    unsigned port_ = 0;
    std::thread thread_;
};

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (!pipe) return text;
    char octets[4096];
    while (const std::size_t n = std::fread(octets, 1, sizeof octets, pipe)) text.append(octets, n);
    ::pclose(pipe);
    return text;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// All cells through curl: in one run, plus one more after each error that ends curl.
std::vector<Outcome> curls(const std::vector<Cell>& all) {
    const test::TempFolder folder;
    const Server server(all);
    const auto place = [&](std::size_t i) { return folder / ("body" + std::to_string(i)); };
    std::vector<Outcome> outcomes(all.size(), Outcome{false, "curl did not say"});
    for (std::size_t first = 0; first < all.size();) {
        {
            std::ofstream config(folder / "config");
            for (std::size_t i = first; i < all.size(); ++i)
                config << (i > first ? "next\n" : "")
                       << "silent\nnoproxy = \"*\"\nmax-time = 20\nurl = \"http://127.0.0.1:" << server.port()
                       << "/" << i << "\"\noutput = \"" << place(i) << "\"\nwrite-out = \"" << i
                       << " %{exitcode}\\n\"\n";
        }
        std::istringstream said(output_of("curl -q -K '" + (folder / "config") + "' 2>/dev/null"));
        std::size_t i = 0;
        int code = 0;
        const std::size_t before = first;
        while (said >> i >> code) {
            outcomes.at(i) = code == 0 ? Outcome{true, read_file(place(i))}
                                       : Outcome{false, "curl: " + std::to_string(code)};
            first = i + 1;
        }
        if (first == before) break;
    }
    return outcomes;
}

TEST(HttpReaderAndCurl, DisagreeOnlyByRule) {
    const std::string version = output_of("curl --version 2>/dev/null");
    if (!version.starts_with("curl 7.88."))
        GTEST_SKIP() << "needs curl 7.88, here is " << version.substr(0, version.find(' ', 5));
    const std::vector<Cell> all = cells();
    ASSERT_GE(all.size(), 150u);
    const std::vector<Outcome> judged = curls(all);
    std::map<std::string, std::size_t> by_rule;
    std::size_t taken = 0, refused = 0, unruled = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        SCOPED_TRACE(testing::PrintToString(all[i].name));
        const Outcome& curl = judged[i];
        const Outcome we = ours(all[i].octets, all[i].octets.size() + 1);
        const Outcome in_pieces = ours(all[i].octets, 1);
        EXPECT_EQ(we.taken, in_pieces.taken) << we.body << " / " << in_pieces.body;
        ASSERT_NE(curl.body, "curl did not say");
        if (we.taken == curl.taken) {
            if (we.taken) {
                EXPECT_EQ(we.body, curl.body);
            }
            ++(we.taken ? taken : refused);
            continue;
        }
        const Rule* by = nullptr;
        for (const Rule& rule : rules)
            for (const std::string& words : rule.reasons_or_details)
                if (!by && curl.taken && we.body.starts_with(words)) by = &rule;
        if (by)
            ++by_rule[by->why];
        else if (!curl.taken && all[i].name.ends_with(longer_trailer))
            ++by_rule["a trailer over 4,096 octets: curl's limit, ours is 64 KiB"];
        else
            ++unruled, ADD_FAILURE() << "curl " << (curl.taken ? "takes it" : curl.body) << ", we "
                                     << (we.taken ? "take it" : we.body);
    }
    std::size_t ruled = 0;
    for (const auto& [why, count] : by_rule) ruled += count;
    std::printf("%zu cells: %zu taken by both with the same body, %zu refused by both, %zu disagreements by "
                "rule, %zu others\n",
                all.size(), taken, refused, ruled, unruled);
    for (const auto& [why, count] : by_rule) std::printf("%6zu  %s\n", count, why.c_str());
    // With an empty list the checks of all of them would prove nothing.
    EXPECT_GE(taken, 150u);
    EXPECT_GE(refused, 50u);
    EXPECT_EQ(by_rule.size(), rules.size() + 1) << "a rule that nothing needs";
}

} // namespace
