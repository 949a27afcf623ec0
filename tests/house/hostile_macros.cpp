// SPDX-License-Identifier: BSL-1.0
// hostile_macros: no public header uses a name that Windows, X11, Qt, macOS or glibc define.
//
// The standard headers come first, as they do in real programs; then every name turns into a
// syntax error; then every public header without a foreign library is included.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <ostream>
#include <set>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#endif
#include <cassert>
#include <condition_variable>

// Windows
#define min(a, b) ] hostile [
#define max(a, b) ] hostile [
#define DELETE ] hostile [
#define ERROR ] hostile [
#define NO_ERROR ] hostile [
#define interface ] hostile [
#define Yield() ] hostile [
#define IGNORE ] hostile [
#define TRANSPARENT ] hostile [
#define small ] hostile [
#define IN ] hostile [
#define OUT ] hostile [
#define OPTIONAL ] hostile [
#define GetMessage ] hostile [
// X11
#define None ] hostile [
#define Status ] hostile [
#define Success ] hostile [
#define Always ] hostile [
#define Bool ] hostile [
// Qt
#define signals ] hostile [
#define slots ] hostile [
#define emit ] hostile [
#define foreach ] hostile [
// macOS
#define check(x) ] hostile [
#define verify(x) ] hostile [
#define nil ] hostile [
// glibc and GNU mode
#undef major
#undef minor
#undef unix
#undef linux
#define major(x) ] hostile [
#define minor(x) ] hostile [
#define unix ] hostile [
#define linux ] hostile [
// HTTP libraries
#define BAD_REQUEST ] hostile [

#include "all_headers.hpp"

int main() { std::puts("every name is free"); }
