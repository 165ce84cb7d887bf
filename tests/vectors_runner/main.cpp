// vectors_runner DIR: runs every vector file of DIR. Prints one line per failing id, then "N passed, N
// failed" per file and in total. Exit 0: all passed; 1: a failure; 2: DIR cannot be used.
#include "vectors_runner/runner.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>

namespace vectors {

namespace {
void line(const std::string& file, const json& vector, std::string_view verdict, std::string_view why) {
    const std::string id = vector.value("id", "?");
    std::printf("%s %s %.*s: %.*s\n", file.c_str(), id.c_str(), static_cast<int>(verdict.size()),
                verdict.data(), static_cast<int>(why.size()), why.data());
}
} // namespace

void Report::pass(const json&) { ++passed_; }
void Report::fail(const json& vector, std::string_view why) {
    ++failed_;
    line(file_, vector, "FAILED", why);
}

std::vector<json> outcomes(const json& vector) {
    std::vector<json> all{vector.at("expect")};
    if (vector.contains("acceptable"))
        for (const json& other : vector.at("acceptable")) all.push_back(other);
    return all;
}

std::string from_base64(std::string_view text) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned held = 0;
    int bits = 0;
    for (char c : text) {
        if (c == '=') break;
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) throw std::invalid_argument("not base64");
        held = (held << 6 | static_cast<unsigned>(value)) & 0xffffff;
        if ((bits += 6) >= 8) {
            bits -= 8;
            out.push_back(static_cast<char>(held >> bits & 0xff));
        }
    }
    return out;
}

std::string octets(const json& value) {
    return value.is_string() ? value.get<std::string>() : from_base64(value.at("b64").get<std::string>());
}

} // namespace vectors

int main(int argc, char** argv) {
    using Run = void (*)(const vectors::json&, vectors::Report&);
    static const std::map<std::string, Run> files = {
        {"txt_records.json", vectors::run_txt_records},
        {"policies.json", vectors::run_policies},
        {"mx_match.json", vectors::run_mx_match},
        {"postfix_reply.json", vectors::run_postfix_reply},
        {"http_responses.json", vectors::run_http_responses},
        {"tls_fetch.json", vectors::run_tls_fetch},
        {"scenario.json", vectors::run_scenario},
        {"tlsrpt_records.json", vectors::run_tlsrpt_records},
    };
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
        std::fprintf(stderr, "usage: vectors_runner DIR (a folder of vector files)\n");
        return 2;
    }
    std::vector<std::filesystem::path> found;
    for (const auto& item : std::filesystem::directory_iterator(argv[1]))
        if (item.path().extension() == ".json") found.push_back(item.path());
    std::sort(found.begin(), found.end());
    if (found.empty()) {
        std::fprintf(stderr, "%s: no vector files\n", argv[1]);
        return 2;
    }

    std::size_t passed = 0, failed = 0;
    std::vector<std::string> summary;
    for (const auto& path : found) {
        const std::string name = path.filename().string();
        vectors::Report report{name};
        try {
            std::ifstream in{path};
            const vectors::json file = vectors::json::parse(in);
            const vectors::json& all = file.at("vectors");
            if (auto run = files.find(name); run != files.end())
                run->second(all, report);
            else
                for (const vectors::json& vector : all) report.fail(vector, "no runner for this file");
        } catch (const std::exception& e) {
            report.fail(vectors::json::object(), e.what());
        }
        passed += report.passed();
        failed += report.failed();
        summary.push_back(name + ": " + std::to_string(report.passed()) + " passed, " +
                          std::to_string(report.failed()) + " failed");
    }
    for (const std::string& text : summary) std::printf("%s\n", text.c_str());
    std::printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
