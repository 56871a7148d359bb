"""AU-IQA, whose release documents neither its folders nor its columns."""
