"""Running a flow: planning, execution in both modes, the result cache, previews and the messages about it all."""
