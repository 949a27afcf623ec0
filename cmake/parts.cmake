# SPDX-License-Identifier: BSL-1.0
# What our own tests, examples and benchmarks share: warnings, headers and optional libraries.
# A user of the library never reads this file.
include_guard(DIRECTORY)

option(REKEY_WERROR "Treat warnings as errors in our own build" OFF)
option(REKEY_REQUIRE_ALL "Stop when a library that only some adapters need is missing" OFF)
option(REKEY_NO_EXCEPTIONS "Build what can be built with -fno-exceptions -fno-rtti" OFF)

if(NOT DEFINED CMAKE_CXX_EXTENSIONS)
    set(CMAKE_CXX_EXTENSIONS OFF)
endif()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Everything of ours links this: the library, the warnings, threads.
add_library(rekey_house INTERFACE)
target_link_libraries(rekey_house INTERFACE rekey::rekey Threads::Threads)
if(NOT MSVC)
    target_compile_options(rekey_house INTERFACE -Wall -Wextra -Wpedantic -Wconversion
        -Wsign-conversion -Wshadow -Wold-style-cast $<$<BOOL:${REKEY_WERROR}>:-Werror>)
endif()
if(REKEY_NO_EXCEPTIONS)
    add_compile_options(-fno-exceptions -fno-rtti)
endif()

# The optional libraries. Each becomes rekey_with_<name> when it is there; rekey_absent_<name> says
# what to install when it is not.
function(rekey_library name install_hint)
    cmake_parse_arguments(arg "" "HEADER" "TARGETS;LIBRARY_NAMES" ${ARGN})
    set(found TRUE)
    add_library(rekey_with_${name} INTERFACE)
    if(arg_TARGETS)
        target_link_libraries(rekey_with_${name} INTERFACE ${arg_TARGETS})
        foreach(target IN LISTS arg_TARGETS)
            if(NOT TARGET ${target})
                set(found FALSE)
            endif()
        endforeach()
    else()
        find_path(REKEY_${name}_INCLUDE_DIR ${arg_HEADER})
        mark_as_advanced(REKEY_${name}_INCLUDE_DIR)
        if(NOT REKEY_${name}_INCLUDE_DIR)
            set(found FALSE)
        else()
            target_include_directories(rekey_with_${name} SYSTEM INTERFACE
                                       ${REKEY_${name}_INCLUDE_DIR})
        endif()
        if(arg_LIBRARY_NAMES)
            find_library(REKEY_${name}_LIBRARY NAMES ${arg_LIBRARY_NAMES})
            mark_as_advanced(REKEY_${name}_LIBRARY)
            if(NOT REKEY_${name}_LIBRARY)
                set(found FALSE)
            else()
                target_link_libraries(rekey_with_${name} INTERFACE ${REKEY_${name}_LIBRARY})
            endif()
        endif()
    endif()
    if(found)
        set(rekey_has_${name} TRUE PARENT_SCOPE)
    else()
        set(rekey_has_${name} FALSE PARENT_SCOPE)
        set(rekey_absent_${name} "${install_hint}" PARENT_SCOPE)
        if(REKEY_REQUIRE_ALL)
            message(FATAL_ERROR "rekey: missing ${install_hint}. `./run test` installs it.")
        endif()
    endif()
endfunction()

find_package(CURL QUIET)
find_package(OpenSSL 3 QUIET)
rekey_library(curl "libcurl (Debian: libcurl4-openssl-dev)" TARGETS CURL::libcurl)
rekey_library(openssl "OpenSSL 3 (Debian: libssl-dev)" TARGETS OpenSSL::Crypto)
rekey_library(microhttpd "libmicrohttpd (Debian: libmicrohttpd-dev)"
              HEADER microhttpd.h LIBRARY_NAMES microhttpd)
rekey_library(cli11 "CLI11 (Debian: libcli11-dev)" HEADER CLI/CLI.hpp)
if(REKEY_BUILD_EXAMPLES OR REKEY_BUILD_TESTS)
    # A header in some packages, a header and a library in others, which must then be read with the
    # definitions it was built with: only the package itself knows them.
    find_package(httplib CONFIG QUIET)
    find_package(PkgConfig QUIET)
    if(NOT TARGET httplib::httplib AND PkgConfig_FOUND)
        pkg_check_modules(rekey_httplib QUIET IMPORTED_TARGET cpp-httplib)
    endif()
    if(TARGET httplib::httplib)
        rekey_library(httplib "" TARGETS httplib::httplib)
    elseif(TARGET PkgConfig::rekey_httplib)
        rekey_library(httplib "" TARGETS PkgConfig::rekey_httplib)
    else()
        rekey_library(httplib "cpp-httplib (Debian: libcpp-httplib-dev and pkg-config)"
                      HEADER httplib.h)
    endif()
endif()
if(REKEY_BUILD_EXAMPLES)
    rekey_library(qrencode "libqrencode (Debian: libqrencode-dev)"
                  HEADER qrencode.h LIBRARY_NAMES qrencode)
endif()
if(REKEY_BUILD_TESTS)
    rekey_library(boost_outcome "Boost headers (Debian: libboost-dev)"
                  HEADER boost/outcome/basic_result.hpp)
    rekey_library(boost_asio "Boost headers (Debian: libboost-dev)" HEADER boost/asio/post.hpp)
    rekey_library(asio "standalone Asio (Debian: libasio-dev)" HEADER asio/post.hpp)
    rekey_library(nlohmann_json "nlohmann/json (Debian: nlohmann-json3-dev)"
                  HEADER nlohmann/json.hpp)
    rekey_library(redis "hiredis (Debian: libhiredis-dev)"
                  HEADER hiredis/hiredis.h LIBRARY_NAMES hiredis)
endif()

# The library behind include/rekey/<header>; empty when the header needs none.
function(rekey_library_of header result)
    set(${result} "" PARENT_SCOPE)
    if(header MATCHES "^adapter/curl")
        set(${result} curl PARENT_SCOPE)
    elseif(header MATCHES "^adapter/(.*)\\.hpp$")
        set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
    elseif(header MATCHES "^driver/(asio|boost_asio)\\.hpp$")
        set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
    endif()
endfunction()

# Links the named libraries, or says in `absent` which are missing.
function(rekey_check_libraries absent)
    set(missing "")
    foreach(name IN LISTS ARGN)
        if(NOT DEFINED rekey_has_${name})
            message(FATAL_ERROR "rekey: cmake/parts.cmake does not know the library '${name}'.")
        elseif(NOT rekey_has_${name})
            list(APPEND missing "${rekey_absent_${name}}")
        endif()
    endforeach()
    string(REPLACE ";" ", " missing "${missing}")
    set(${absent} "${missing}" PARENT_SCOPE)
endfunction()

# The public headers, relative to include/rekey, those a compiler in this mode can take.
file(GLOB_RECURSE rekey_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include/rekey
     ${PROJECT_SOURCE_DIR}/include/rekey/*.hpp)
if(NOT CMAKE_CXX_STANDARD OR CMAKE_CXX_STANDARD LESS 20)
    list(FILTER rekey_headers EXCLUDE REGEX "^(driver/coroutine|stop_token)\\.hpp$")
endif()
