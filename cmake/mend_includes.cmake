# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0

# Include folders that CMake refuses when ROS 2 comes as wheels in a virtual environment. Under a
# ROS 2 distribution there are none of either kind, and nothing is changed.
#
# 1. Imported targets name folders of the machine that built the wheels: those are dropped.
# 2. With the environment in the source folder our own exported targets would name folders in the
#    sources (numpy's): those hold for this build only.
function(_mend_includes)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT includes)
      continue()
    endif()
    set(existing)
    foreach(include IN LISTS includes)
      if(NOT IS_ABSOLUTE "${include}" OR EXISTS "${include}")
        list(APPEND existing "${include}")
      endif()
    endforeach()
    if(NOT existing STREQUAL includes)
      set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${existing}")
    endif()
  endforeach()

  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT includes)
      continue()
    endif()
    set(mended)
    foreach(include IN LISTS includes)
      string(FIND "${include}" "${CMAKE_CURRENT_SOURCE_DIR}/" position)
      if(position EQUAL 0)
        set(include "$<BUILD_INTERFACE:${include}>")
      endif()
      list(APPEND mended "${include}")
    endforeach()
    if(NOT mended STREQUAL includes)
      set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${mended}")
    endif()
  endforeach()
endfunction()

# Deferred: rosidl_generate_interfaces() still looks up packages at the end of the project.
cmake_language(DEFER CALL _mend_includes)
