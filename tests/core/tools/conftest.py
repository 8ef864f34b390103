"""``json_schema`` is covered by ``test_custom_tools``, through the tools that functions become."""
