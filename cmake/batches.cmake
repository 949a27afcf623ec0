# SPDX-License-Identifier: BSL-1.0
# Several source files of tests compiled as one, each in a namespace of its own: what they include
# is read once and what they share is made once, which is most of what a compiler does with a test.

# rekey_batches(RESULT NAME LETTERS FILE...): sets RESULT to sources that hold FILEs of up to LETTERS
# letters together, those that use the embedded server apart, for it is the most that they share. A
# file stays by itself if it could not stand in a namespace, or if what stands before its includes
# decides what they say. NAME: of the sources.
function(rekey_batches result name letters)
    set(with_server ${ARGN})
    set(without_server "")
    foreach(file IN LISTS ARGN)
        file(STRINGS "${file}" uses REGEX "^#include .*(fake_coze|support/(obo|coze_))" LIMIT_COUNT 1)
        if(NOT uses)
            list(REMOVE_ITEM with_server "${file}")
            list(APPEND without_server "${file}")
        endif()
    endforeach()
    set(sources "")
    set(batch "")
    set(sum 0)
    set(number 0)
    foreach(file IN LISTS with_server without_server ITEMS the_end)
        set(length ${letters})
        if(NOT file STREQUAL the_end)
            file(READ "${file}" text)
            if(text MATCHES "#[ \t]*(define|undef) |#[ \t]*if.*#[ \t]*include|\n *(template <> (struct|class) |namespace )(rekey|std)|\ntemplate class ")
                list(APPEND sources "${file}")
                continue()
            endif()
            string(LENGTH "${text}" length)
        endif()
        math(EXPR sum "${sum} + ${length}")
        if(batch AND sum GREATER letters)
            set(source "${CMAKE_CURRENT_BINARY_DIR}/batches/${name}_${number}.cpp")
            rekey_write_batch("${source}" ${batch})
            list(APPEND sources "${source}")
            math(EXPR number "${number} + 1")
            set(batch "")
            set(sum ${length})
        endif()
        list(APPEND batch "${file}")
    endforeach()
    if(NOT batch STREQUAL the_end)
        message(FATAL_ERROR "rekey: in no batch: ${batch}")
    endif()
    # What a file includes may change.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
    set(${result} "${sources}" PARENT_SCOPE)
endfunction()

# All that FILEs include, and then each in its namespace, where the same includes do nothing.
function(rekey_write_batch source)
    set(includes "")
    set(parts "")
    set(number 0)
    foreach(file IN LISTS ARGN)
        file(STRINGS "${file}" lines REGEX "^#include ")
        list(APPEND includes ${lines})
        string(APPEND parts "namespace batched_${number} {\n#include \"${file}\"\n}\n")
        math(EXPR number "${number} + 1")
    endforeach()
    list(REMOVE_DUPLICATES includes)
    string(REPLACE ";" "\n" includes "${includes}")
    file(GENERATE OUTPUT "${source}" CONTENT "${includes}\n${parts}")
endfunction()

# rekey_make_once(HEADER...): a target `made_once` in which clang (11 or later, with Ninja) precompiles
# HEADERs for the programs named to rekey_use_made_once(PROGRAM FILE...), so that what is no template
# in them is made once and not in each of its FILEs. One with a macro above these includes reads all
# itself.
function(rekey_make_once)
    set(nothing "${CMAKE_CURRENT_BINARY_DIR}/batches/made_once.cpp")
    file(GENERATE OUTPUT "${nothing}" CONTENT "")
    add_library(made_once OBJECT "${nothing}")
    target_precompile_headers(made_once PRIVATE ${ARGN})
    target_compile_options(made_once PRIVATE "SHELL:-Xclang -fmodules-codegen")
    # Its code, one object for all programs. Ninja knows the precompiled file by another path, so what
    # is made right behind it stands for it.
    set(precompiled "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/made_once.dir/cmake_pch.hxx.pch")
    add_library(made_once_code OBJECT "${precompiled}")
    set_source_files_properties("${precompiled}" PROPERTIES GENERATED ON LANGUAGE CXX
        COMPILE_OPTIONS "-xast;-Wno-unused-command-line-argument"
        OBJECT_DEPENDS "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/made_once.dir/batches/made_once.cpp.o")
endfunction()
function(rekey_use_made_once program)
    foreach(file IN LISTS ARGN)
        if(NOT file MATCHES "/batches/")
            file(READ "${file}" text)
            if(text MATCHES "#[ \t]*(define|undef) .*#include (<rekey/|\"catch)")
                set_source_files_properties("${file}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
            endif()
        endif()
    endforeach()
    target_precompile_headers(${program} REUSE_FROM made_once)
    target_sources(${program} PRIVATE $<TARGET_OBJECTS:made_once_code>)
endfunction()
