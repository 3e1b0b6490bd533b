"""FHIR resources as typed structs: supersets of the R4 and STU3 shapes that Concord reads.

Fields that Concord does not use are not declared: the decoder skips them without building them.
Numbers of doses and results decode to Decimal, so 1.50 stays 1.50.
Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2) resource definitions.
"""
